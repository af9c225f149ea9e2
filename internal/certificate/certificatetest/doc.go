// Package certificatetest provides certificates for tests: self-signed ones, and an
// ACME server that checks challenges: pebble, of Let's Encrypt, on the loopback
// interface.
//
// Its room: only tests import it. The ACME server is a program with a module of its
// own, in the directory authority, to keep its dependencies out of Muster; the Go
// tool builds it at first use, which takes half a minute on two cores, and caches
// it.
package certificatetest
