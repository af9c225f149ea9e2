// Package dbcopy moves a whole store from one database to another, and its
// objects from one place to another.
//
// Its room: the list of the tables with the kinds of their columns, the walk
// that makes one table the same as another, and the digests by which both are
// compared. It knows no engine and no table's meaning. The package imports
// query, session, blob, fault and ids.
package dbcopy
