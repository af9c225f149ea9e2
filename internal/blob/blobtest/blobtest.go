package blobtest

import (
	"testing"

	"github.com/musterhq/muster/internal/blob"
)

// Run tests that the stores that open returns keep the contract of blob.Store. The
// signed URLs of each must be absolute, and served, by the clock of the machine,
// until the test ends. Stores may share objects: every test uses its own keys.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	t.Helper()
	tests := []struct {
		name string
		run  func(t *testing.T, s blob.Store)
	}{
		{"put then open", testPutOpen},
		{"put an empty object", testPutEmpty},
		{"put replaces", testPutReplaces},
		{"put of another length", testPutLength},
		{"put of an impossible length", testPutImpossible},
		{"put of a reader that fails", testPutFails},
		{"put that is cancelled midway", testPutCancelled},
		{"puts of one key at once", testPutSameKey},
		{"puts of many keys at once", testPutManyKeys},
		{"a name that is the start of a directory", testPrefixes},
		{"seek in an object", testSeek},
		{"delete, twice", testDelete},
		{"missing", testMissing},
		{"malformed keys", testBadKeys},
		{"done context", testDoneContext},
		{"link shows a photo", testLinkPhoto},
		{"link saves a document", testLinkDocument},
		{"link says another type", testLinkType},
		{"link to a range", testLinkRange},
		{"link to nothing", testLinkMissing},
		{"link expired", testLinkExpired},
		{"link tampered with", testLinkTampered},
		{"link to another key", testLinkOtherKey},
		{"link is for reading", testLinkReadOnly},
		{"link is the same within a window", testLinkStable},
		{"link options", testLinkOptions},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run(t, open(t))
		})
	}
}
