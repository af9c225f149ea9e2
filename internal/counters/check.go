package counters

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/musterhq/muster/session"
)

// Difference is a number that the counters and a recount do not agree on.
type Difference struct {
	What      string `json:"what"` // as [Recount] names it
	Counted   int64  `json:"counted"`
	Recounted int64  `json:"recounted"`
}

// Check recounts every member in the session's snapshot and returns the
// differences, ordered by name. If the counters are right, the list is empty and
// not nil.
func Check(ctx context.Context, r *session.Read) ([]Difference, error) {
	counted, recounted, err := Recount(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("recounting members: %w", err)
	}
	names := maps.Clone(counted)
	maps.Copy(names, recounted)
	list := []Difference{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if counted[name] != recounted[name] {
			list = append(list, Difference{name, counted[name], recounted[name]})
		}
	}
	return list, nil
}
