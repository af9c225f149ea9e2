// Package certificatetest gives tests certificates: self-signed ones, and an
// ACME server that checks challenges, which is pebble, of Let's Encrypt, on the
// loopback interface.
//
// Its room: it is imported by tests only. The ACME server is a program of its
// own module, in the folder authority, so that none of what it needs is among
// what Muster needs; the Go tool builds it at first use, which takes half a
// minute on two cores, and caches it.
package certificatetest
