package importer_test

import (
	"slices"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/importer"
)

func TestPace(t *testing.T) {
	t.Parallel()
	const fast, right, slow = 100 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second
	tests := []struct {
		name    string
		batches []time.Duration
		want    int64
	}{
		{"begins small", nil, 2000},
		{"grows while it is fast", []time.Duration{fast, fast}, 8000},
		{"grows to a bound", slices.Repeat([]time.Duration{fast}, 9), 10_000},
		{"stays", []time.Duration{fast, right, right}, 4000},
		{"shrinks", []time.Duration{fast, fast, slow}, 4000},
		{"shrinks to a bound", slices.Repeat([]time.Duration{slow}, 9), 2000},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := importer.PaceAfter(test.batches...); got != test.want {
				t.Errorf("got %d rows, want %d", got, test.want)
			}
		})
	}
}
