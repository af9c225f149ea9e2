// Package dashboard holds the numbers that go across rooms, each set of them
// from one snapshot.
//
// Its room: it composes queries of member; it has no tables of its own and
// never scans members, but for Check, which is asked to.
package dashboard
