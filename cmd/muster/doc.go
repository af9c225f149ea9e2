// Muster is the member back office in one program.
//
// Its room: commands become configuration, and configuration becomes wiring.
// This is the one place that names an engine and a store of objects. What is
// true of members, tokens or numbers is not decided here.
//
//   - main.go, cli.go: the command line; exit.go: how a command ends
//   - folder.go, keys.go, lock.go: the data folder
//   - store.go: the database, opened; embedded.go, postgres.go: the two engines
//   - media.go: photos and documents; metrics.go: what Prometheus asks for
//   - one file for each command
//
// # Exit codes
//
//	0  done; a server that was told to stop and did
//	1  it failed, or a check found a difference
//	2  the command line is wrong
//	3  the data folder, the database or the bucket cannot be used as it is: in use,
//	   read-only, full, damaged, refused, of another version, or not there
package main
