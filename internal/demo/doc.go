// Package demo fills an empty store with members that nobody is.
//
// Its room: what a year of a membership looks like. Names in six scripts,
// sign-ups with a weekly rhythm, every status, relations present and absent,
// photos that the program draws and documents that say that they are specimens.
// The people follow from a seed and a moment; only the random part of their ids
// does not. Phones are of ranges that no subscriber has, as far as there are
// such ranges.
//
// The package imports the domains and the store of objects, and goes through
// the same operations as everyone else.
package demo
