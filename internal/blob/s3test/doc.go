// Package s3test starts an S3 server that verifies signatures: versitygw, over a
// directory, on the loopback interface.
//
// Its room: only tests import it. The server is a program with a module of its own,
// in the directory gateway, to keep its dependencies out of Muster; the Go tool
// builds it at first use, which takes a minute or two on two cores, and caches it.
// Access buckets and objects over HTTP, never through the directory.
package s3test
