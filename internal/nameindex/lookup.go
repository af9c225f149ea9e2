package nameindex

import (
	"slices"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
)

// Stretch is the newest part of a list of members that may match: all of them down
// to Floor, newest first. With the zero Floor, it is the whole list.
type Stretch struct {
	IDs   []ids.Member
	Floor ids.Member
}

// Whole reports whether it is the whole list.
func (s Stretch) Whole() bool { return s.Floor.IsZero() }

// Sizes returns the number of blocks of each gram, up to a limit.
func Sizes(grams []string, limit int) query.Query[map[string]int] {
	type size struct {
		gram string
		n    int
	}
	list := query.Many(`
		select g.gram, (select count(*) from (select 1 as one from member_gram b where b.gram = g.gram limit $2) c)
		from (select value as gram from {texts $1}) g`,
		func(r query.Row) (s size, err error) { return s, r.Scan(&s.gram, &s.n) }, grams, limit)
	return query.Map(list, func(list []size) (map[string]int, error) {
		sizes := make(map[string]int, len(list))
		for _, s := range list {
			sizes[s.gram] = s.n
		}
		return sizes, nil
	})
}

// Postings returns the members below an ID that have a gram, from limit blocks.
func Postings(gram string, below ids.Member, limit int) query.Query[Stretch] {
	blocks := query.Many("select gram, first, ids from member_gram where gram = $1 and first < $2 order by first desc limit $3",
		scanBlock, gram, below, limit)
	return query.Map(blocks, func(list []block) (s Stretch, _ error) {
		for _, b := range list {
			for _, id := range slices.Backward(b.ids) {
				if id.Compare(below) < 0 {
					s.IDs = append(s.IDs, id)
				}
			}
		}
		if len(list) == limit {
			s.Floor = list[limit-1].first
		}
		return s, nil
	})
}

// UpTo returns the result of a query for limit members.
func UpTo(list []ids.Member, limit int) Stretch {
	s := Stretch{IDs: list}
	if len(list) == limit {
		s.Floor = list[limit-1]
	}
	return s
}

// Intersect returns the members that are in every stretch. If one is whole, those
// that are not add nothing but time, and are left out.
func Intersect(list []Stretch) Stretch {
	if slices.ContainsFunc(list, Stretch.Whole) {
		list = slices.DeleteFunc(slices.Clone(list), func(s Stretch) bool { return !s.Whole() })
	}
	all := list[0]
	for _, s := range list[1:] {
		all = Stretch{common(all.IDs, s.IDs), later(all.Floor, s.Floor)}
	}
	return all.cut()
}

// common returns the IDs in both lists, which are in descending order.
func common(a, b []ids.Member) (both []ids.Member) {
	for len(a) > 0 && len(b) > 0 {
		switch n := a[0].Compare(b[0]); {
		case n > 0:
			a = a[1:]
		case n < 0:
			b = b[1:]
		default:
			both = append(both, a[0])
			a, b = a[1:], b[1:]
		}
	}
	return both
}

// Unite returns the members that are in any stretch, up to a limit.
func Unite(list []Stretch, limit int) Stretch {
	var all Stretch
	for _, s := range list {
		all = Stretch{append(all.IDs, s.IDs...), later(all.Floor, s.Floor)}
	}
	slices.SortFunc(all.IDs, func(a, b ids.Member) int { return b.Compare(a) })
	all.IDs = slices.Compact(all.IDs)
	all = all.cut()
	if len(all.IDs) > limit {
		all = Stretch{all.IDs[:limit], all.IDs[limit-1]}
	}
	if all.IDs == nil {
		all.IDs = []ids.Member{}
	}
	return all
}

// cut removes the members below the floor, as some of these are missing.
func (s Stretch) cut() Stretch {
	if i := slices.IndexFunc(s.IDs, func(id ids.Member) bool { return id.Compare(s.Floor) < 0 }); i >= 0 {
		s.IDs = s.IDs[:i]
	}
	return s
}

func later(a, b ids.Member) ids.Member {
	if a.Compare(b) < 0 {
		return b
	}
	return a
}
