package importer

import "time"

// PaceAfter returns how many rows the next batch has after batches of these durations.
func PaceAfter(batches ...time.Duration) int64 {
	p := newPace()
	for _, d := range batches {
		p.took(d)
	}
	return p.rows.Load()
}
