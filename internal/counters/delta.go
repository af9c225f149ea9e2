package counters

import (
	"time"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
)

// append returns the change that appends a delta: n more members of a kind. It
// reads nothing and shares no row, so it conflicts with nothing.
func (k Kind) append(n int64, at time.Time) query.Change {
	return query.Exec("insert into member_delta (id, day, slot, gender, status, n) values ($1, $2, $3, $4, $5, $6)",
		ids.New[ids.Row](at), k.Day, k.Slot, k.Gender, k.Status, n)
}

// Move returns the changes that count a member as another kind. Nil stands for a
// member that is not counted.
func Move(was, becomes *Kind, at time.Time) (list []query.Change) {
	if was != nil && becomes != nil && *was == *becomes {
		return nil
	}
	if was != nil {
		list = append(list, was.append(-1, at))
	}
	if becomes != nil {
		list = append(list, becomes.append(1, at))
	}
	return list
}

// Tally is the number of members of each kind.
type Tally map[Kind]int64

// Add returns the changes that count the members of the tally.
func (t Tally) Add(at time.Time) (list []query.Change) {
	for k, n := range t {
		list = append(list, k.append(n, at))
	}
	return list
}

// delta is a row of member_delta.
type delta struct {
	id ids.Row
	Kind
	n int64
}

func scanDelta(r query.Row) (d delta, err error) {
	return d, r.Scan(&d.id, &d.Day, &d.Slot, &d.Gender, &d.Status, &d.n)
}
