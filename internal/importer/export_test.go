package importer

import "time"

// PaceAfter is how many rows a batch has after others that took so long.
func PaceAfter(batches ...time.Duration) int64 {
	p := newPace()
	for _, d := range batches {
		p.took(d)
	}
	return p.rows.Load()
}
