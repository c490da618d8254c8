// Package bench measures the built program as its users run it: files on disk,
// commands, the server as a process of its own, synchronous=FULL. `make bench` runs
// it and prints a table of figures beside their targets; nothing here passes or
// fails by time.
//
// ALMENARA_BENCH_ROWS and ALMENARA_BENCH_PREFIXES set the size (a million each by
// default), ALMENARA_BENCH_DAYS how many kept days follow the first (three).
package bench
