// Package postgrestest starts real PostgreSQL clusters for tests: a primary and
// replicas that stream from it, which can be paused, killed, started again and
// promoted. It is imported by tests only.
//
// The servers are those installed (Debian's packages, or a folder named by
// MUSTER_POSTGRES_BIN), listen on loopback only, and are gone after the test.
package postgrestest
