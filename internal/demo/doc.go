// Package demo fills an empty store with demo members.
//
// Its room: what a year of a membership looks like. Names in six scripts, sign-ups
// with a weekly rhythm, every status, relations present and absent, photos that the
// program draws, and documents that are marked as specimens. Everything follows
// from a seed and a moment, except for the random part of the IDs. Phones come from
// ranges that are assigned to nobody, where there are such ranges.
//
// The package goes through the operations of the domains, like every other caller.
package demo
