// Package ids holds typed identifiers, so that rooms can refer to each other's
// things without importing each other, and the compiler keeps a photo's
// identifier out of a member's place.
//
// An identifier is a UUIDv7 (RFC 9562, section 5.7) made in Go. Its first 60
// bits are the moment of creation to the microsecond: the order of identifiers
// is the order of creation, and [ID.Time] returns that moment. Lists that are
// sorted by age are therefore sorted by the primary key.
package ids
