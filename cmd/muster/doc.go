// Muster is the back office of a membership in one program.
//
// Its room: commands become configuration, and configuration becomes wiring.
// This is the only place that names an engine and a store of objects. It decides
// nothing about members, tokens or numbers. Files use only files further down:
//
//   - main.go, help.go: the command line, and the texts in the directory help
//   - one file for each command; those of serve: tasks.go, metrics.go, network.go
//     and demo.go
//   - root.go: a store in the hands of a command that may do everything
//   - keys.go, media.go: the keys; photos and documents
//   - store.go: the open database; embedded.go and postgres.go: its two engines
//   - datadir.go, lock.go: the data directory
//   - flags.go, console.go, log.go, exit.go: values of flags; what a command writes
//     to; how it ends
//
// # Exit codes
//
//	0  done; also a server that was told to stop and did
//	1  the command failed, or a check found a difference
//	2  the command line is wrong
//	3  the data directory, the database or the bucket cannot be used: in use,
//	   read-only, full, damaged, refused, of another version, or absent
package main
