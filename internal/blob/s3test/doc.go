// Package s3test starts an S3 server that verifies signatures: versitygw, over
// a folder, on the loopback interface.
//
// Its room: it is imported by tests only. The server is a program of its own
// module, in the folder gateway, so that none of what it needs is among what
// Muster needs; the Go tool builds it at first use, which takes a minute or two
// on two cores, and caches it. Objects are what they are on Amazon's: a bucket
// and what it holds is to be reached over HTTP, never through the folder.
package s3test
