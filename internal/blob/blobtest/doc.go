// Package blobtest is the conformance suite of blob.Store. Every backend must pass
// it, with real storage and real HTTP.
//
// Its room: only tests import it. It does not test what only one backend can do:
// HEAD for a link, which SigV4 does not allow, and the bodies of errors belong to
// the tests of the backends.
package blobtest
