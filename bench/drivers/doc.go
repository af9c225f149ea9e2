// Command drivers measures SQLite drivers doing what engine/sqlite asks of one:
//
//	go run . [-members 100000] [-rounds 9]
//
// It opens a member with six relations by prepared statements inside a read
// transaction, the same on two connections at once, commits small transactions
// with a disk sync each, and counts by a scan. The drivers take turns in every
// round, each through the leanest interface that it has: ncruces its own, the
// other two database/sql/driver without database/sql above it.
//
// It is a module of its own, so that the drivers that were not chosen are in no
// build of Muster. What came of it is in docs/adr/0002-sqlite-driver.md.
package main
