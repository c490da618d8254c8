// Package drill restores backups as an operator would in bad times: with the built
// program, on both engines, from a server that goes on working while the backup is
// made, into another folder and another database; and sees that everything is
// there, that nothing is sent or signed before somebody says what is missing, and
// that no two records ever bear one name.
package drill
