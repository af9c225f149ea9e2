// Package dashboard holds the numbers that span rooms, each set of them from one
// snapshot.
//
// Its room: it composes queries of member. It has no tables of its own, and only
// [Check] scans members.
package dashboard
