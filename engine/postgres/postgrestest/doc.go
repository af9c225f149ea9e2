// Package postgrestest starts real PostgreSQL clusters for tests: a primary and
// replicas that stream from it, which can be paused, killed, started again and
// promoted. Only tests import it.
//
// The programs are those installed (Debian's packages, or the directory that
// MUSTER_POSTGRES_BIN names). The servers listen on loopback only, and end with
// the test.
package postgrestest
