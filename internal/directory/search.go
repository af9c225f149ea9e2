package directory

import (
	"context"
	"math"
	"slices"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/nameindex"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// How much a search reads.
const (
	rarestGrams  = 3    // grams whose blocks are fetched
	blocksAtOnce = 256  // blocks of a gram
	roundLimit   = 500  // members of one round
	maxRounds    = 12   // rounds for a page, which may then be short
	sortLimit    = 5000 // candidates for an order other than newest first
)

// searched returns a page of a search.
func searched(ctx context.Context, r *session.Read, rules member.Rules, o ListOptions) (Page, []member.User, error) {
	m, err := parseText(o.Filter.Text, rules)
	if err != nil {
		return Page{}, nil, err
	}
	if o.filters() > 1 { // another filter may be narrower than the text
		plans, err := planned(ctx, r, o, m)
		if err != nil {
			return Page{}, nil, err
		}
		if !slices.ContainsFunc(plans, func(p plan) bool { return p.narrow == nil }) {
			return run(ctx, r, o, plans)
		}
	}
	if o.Sort.By == ByCreated && !o.Sort.Ascending {
		return m.byAge(ctx, r, o)
	}
	all, err := m.all(ctx, r)
	if err != nil {
		return Page{}, nil, err
	}
	return run(ctx, r, o, m.plans(o, all))
}

// all returns all candidates, for an order other than newest first. Faults:
// invalid, field q, if there are too many.
func (m *match) all(ctx context.Context, r *session.Read) ([]ids.Member, error) {
	all := []ids.Member{}
	below := newest
	for range maxRounds {
		c, err := m.candidates(ctx, r, below, sortLimit+1)
		if err != nil {
			return nil, err
		}
		all = append(all, c.IDs...)
		if len(all) > sortLimit {
			break
		}
		if c.Whole() {
			return all, nil
		}
		below = c.Floor
	}
	var f fault.Fields
	f.Add("q", codeTooBroad, "More than %d members may match. Write more of the name, or sort by -created_at.", sortLimit)
	return nil, f.Err()
}

// newest is greater than every ID.
var newest = func() (id ids.Member) {
	for i := range id {
		id[i] = math.MaxUint8
	}
	return id
}()

// plans returns the plans that find which candidates match.
func (m *match) plans(o ListOptions, candidates []ids.Member) (list []plan) {
	for _, s := range o.Filter.Deleted.sides() {
		list = append(list, plan{options: o, side: s, match: m, found: candidates})
	}
	return list
}

// byAge returns a page of a search, newest first. It runs rounds of roundLimit
// candidates until the page is full.
func (m *match) byAge(ctx context.Context, r *session.Read, o ListOptions) (page Page, users []member.User, err error) {
	below := newest
	if o.After != nil {
		below = o.After.ID
	}
	wanted := o.Limit
	for round := range maxRounds {
		c, err := m.candidates(ctx, r, below, roundLimit)
		if err != nil {
			return Page{}, nil, err
		}
		o.Limit = wanted - len(users)
		p, found, err := run(ctx, r, o, m.plans(o, c.IDs))
		if err != nil {
			return Page{}, nil, err
		}
		if round == 0 {
			p.Total.Exact = c.Whole()
			page.Total = p.Total
		}
		users = append(users, found...)
		if page.Next = p.Next; page.Next != nil || c.Whole() {
			break
		}
		below = c.Floor
		page.Next = &Cursor{Sort: o.Sort.String(), ID: below}
		if len(users) == wanted {
			break
		}
	}
	if o.After != nil && o.After.Total != nil {
		page.Total = *o.After.Total
	}
	if page.Next != nil {
		page.Next.Total = &page.Total
	}
	return page, users, nil
}

// candidates returns the members below an ID that may match, up to a limit.
func (m *match) candidates(ctx context.Context, r *session.Read, below ids.Member, limit int) (nameindex.Stretch, error) {
	if err := m.measure(ctx, r); err != nil {
		return nameindex.Stretch{}, err
	}
	rare, tail := m.rarest(), m.tail()
	pieces := make([]nameindex.Stretch, len(rare)+len(tail))
	var parts []query.Part
	for i, g := range slices.Concat(rare, tail) {
		blocks := blocksAtOnce
		if len(rare) == 1 && i == 0 { // all of its members may match
			blocks = limit/nameindex.BlockLength + 1
		}
		parts = append(parts, query.Into(&pieces[i], nameindex.Postings(g, below, blocks)))
	}
	waiting := make([]nameindex.Stretch, 2)
	parts = append(parts, query.Into(&waiting[0], m.unindexed(below, limit)))
	if !m.idMost.IsZero() {
		parts = append(parts, query.Into(&waiting[1], m.byID(below, limit)))
	}
	if err := r.Gather(ctx, parts...); err != nil {
		return nameindex.Stretch{}, err
	}
	if len(rare) > 0 {
		waiting = append(waiting, nameindex.Intersect(pieces[:len(rare)]))
	}
	if len(tail) > 0 {
		waiting = append(waiting, nameindex.Intersect(pieces[len(rare):]))
	}
	return nameindex.Unite(waiting, limit), nil
}

// measure loads how many blocks the grams of the words have, once.
func (m *match) measure(ctx context.Context, r *session.Read) (err error) {
	grams := slices.Concat(m.grams...)
	if m.sizes == nil && len(grams) > 1 {
		m.sizes, err = session.Run(ctx, r, nameindex.Sizes(grams, blocksAtOnce+1))
	}
	return err
}

// rarest returns the grams whose blocks are fetched: the rarest of each word, or
// the two rarest of the only word. To fetch more would cost more than to check
// members that do not match.
func (m *match) rarest() (list []string) {
	bySize := func(a, b string) int { return m.sizes[a] - m.sizes[b] }
	for _, grams := range m.grams {
		grams = slices.Clone(grams)
		slices.SortStableFunc(grams, bySize)
		list = append(list, grams[0])
		if len(m.grams) == 1 && len(grams) > 1 {
			list = append(list, grams[1])
		}
	}
	slices.SortStableFunc(list, bySize)
	list = slices.Compact(list)
	return list[:min(len(list), rarestGrams)]
}

// tail returns the grams of the phone.
func (m *match) tail() []string {
	if len(m.digits) == 0 {
		return nil
	}
	return nameindex.PhoneGrams(m.digits[0])
}

// unindexed returns the matching members below an ID that wait for the index.
func (m *match) unindexed(below ids.Member, limit int) query.Query[nameindex.Stretch] {
	t := new(text)
	t.WriteString("select u.id from member_unindexed n cross join users u where u.id = n.member_id and n.member_id < " + t.arg(below))
	t.and(m.condition(t, "u"))
	t.WriteString(" order by n.member_id desc limit " + t.arg(limit))
	return query.Map(query.Many(t.String(), scanID, t.args...), func(list []ids.Member) (nameindex.Stretch, error) {
		return nameindex.UpTo(list, limit), nil
	})
}

// byID returns the members below an ID whose ID starts with the text.
func (m *match) byID(below ids.Member, limit int) query.Query[nameindex.Stretch] {
	most := m.idMost
	if below.Compare(most) < 0 {
		most = below
	}
	list := query.Many("select id from users where id >= $1 and id <= $2 order by id desc limit $3",
		scanID, m.idLeast, most, limit)
	return query.Map(list, func(list []ids.Member) (nameindex.Stretch, error) {
		s := nameindex.UpTo(list, limit)
		if len(s.IDs) > 0 && s.IDs[0] == below {
			s.IDs = s.IDs[1:]
		}
		return s, nil
	})
}

func scanID(r query.Row) (id ids.Member, err error) { return id, r.Scan(&id) }
