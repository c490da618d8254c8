package main

type constituencyCmd struct{}
type warnCmd struct{}
type guardCmd struct{}
