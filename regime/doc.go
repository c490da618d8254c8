// Package regime knows the legal regimes under which incidents are reported, and
// counts their periods.
//
// Words: a [Regime] is one law with its duties, read from a versioned data file
// ([Parse]); [Shipped] gives those of this package's data folder. A [Stage] is one
// duty of it: an early warning, a final report, the answer that a CSIRT owes. An
// [Event] is what a period is counted from, an anchor is the instant at which it
// happened. A [Period] is a length in hours, days, weeks, months or years. A cap is
// a second period that ends the first one earlier ("4 hours after classification,
// at most 24 hours after awareness").
//
// [Regime.Due] answers with two instants:
//
//   - strict: exactly the period after the anchor; on it nobody can be late;
//   - lawful: the end of the period as Regulation (EEC, Euratom) No 1182/71 counts
//     it, in the legal time of a zone. The hour or the day of the event is not
//     counted (art. 3(1)); periods in hours end with an hour, others with a day
//     (art. 3(2)); holidays, Saturdays and Sundays are inside the period
//     (art. 3(3)); a period that is not in hours and would end on one of them ends
//     with the next working day (art. 3(4)); a period of two days or more has at
//     least two working days (art. 3(5)).
//
// Who warns, warns on the earlier of the two.
//
// Promises:
//
//   - lawful is never before strict;
//   - under Regulation 1182/71 a later event is never due earlier: that holds for
//     lawful, and for strict in hours. Strict days follow the clocks, and months have no
//     constant length (28 January 20:00 and 31 January 10:00 end on 28 February). A
//     rule on free days for hours, such as noon of the next working day, leaves an end
//     in the small hours of that day where it is;
//   - every answer says how it was counted, one sentence a step, and on which
//     provision; a rule that no person has confirmed against the official text
//     says so, and so does a regime that is not in force;
//   - a file is taken whole or not at all; the error lists everything that is wrong
//     with it, with line and key.
//
// The instants are in the zone that was asked for. The end of a day is the first
// instant of the next one.
//
// Not here: which regime applies to whom, who has reported, reminders, the text of
// reports, and legal advice. The citations point to official texts and replace none
// of them; where a directive is transposed, the national law comes first.
//
// Legal basis of the shipped files: Directive (EU) 2022/2555 art. 23, Directive (EU)
// 2022/2557 art. 15, Regulation (EU) 2022/2554 art. 19 with Delegated Regulation (EU)
// 2025/301, Regulation (EU) 2016/679 art. 33 and 34, 6 U.S.C. 681b.
package regime
