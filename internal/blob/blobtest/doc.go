// Package blobtest is the conformance suite of blob.Store. Each backend runs
// it, over real storage and real HTTP, and is a backend only when it passes.
//
// Its room: it is imported by tests only, imports blob and the standard
// library, and asks nothing that one backend alone can do: that HEAD works on
// a link, which SigV4 does not allow, and what a refusal's body says are in the
// backends' own tests.
package blobtest
