package main

type constituencyCmd struct{}
type watchCmd struct{}
type warnCmd struct{}
type guardCmd struct{}
