// Package cacao reads, checks and writes security playbooks of CACAO version 2.0, and
// lays them out as checklists for people. It never runs a command.
//
// Words: a [Playbook] is a graph of steps ([Step]); a step has commands, of which those
// of type "manual" are sentences for a person; an agent does a step, targets are what
// it is done to. A [Problem] is one broken rule with the JSON path of its place. An
// [Item] is one line of a checklist.
//
// Promises:
//
//   - [Read] refuses what is larger than [MaxSize], nests deeper than [MaxDepth], has
//     more than [MaxSteps] steps or [MaxWays] ways between them, a name twice, or a value of the wrong type. It does
//     not judge the rest: [Check] lists every rule that is broken, at most
//     [MaxProblems];
//   - properties that this package does not know are kept, and [Playbook.Canonical]
//     writes them again. Of the known ones, those that are empty or false are not
//     written: the standard gives both the same meaning;
//   - [Checklist] ends for every playbook, also a broken one, and names each step that
//     can be reached once.
//
// Check is the standard's text with two things that readers of it differ in:
// workflow_start names a step of type start, and a loop goes through a while-condition.
// A playbook that was written for another reader can thus have problems and still be
// shown. Command, agent and variable types are open vocabularies: a word that is not
// known is no problem, but an agent whose identifier says one standard type and whose
// type says another is.
//
// # The checklist extension
//
// The standard has no place for the time within which a person should be done, nor for
// other languages. Our own playbooks ([Own]) carry both in the extension
// [ChecklistExtension], see [Notes]: at a step the owner's role, "within" and texts by
// language; at the playbook and at agents texts by language. Readers that do not know
// it see a complete playbook in English.
//
// Not here: running anything, signatures (kept as they came, not verified), the
// evaluation of conditions (a person decides), fetching of other playbooks.
//
// Source: OASIS CACAO Security Playbooks Version 2.0, sections 3 to 10; RFC 8785 for
// the canonical form.
package cacao
