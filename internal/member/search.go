package member

import (
	"context"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/privacy"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// match is what a free text asks for. A member passes that has every word in
// its name, or the digits at the end of its phone, or the beginning in its id.
type match struct {
	words   []string   // of the folded text; none if they are too short to look for
	grams   [][]string // pieces of each word, all of which the name must have
	digits  []string   // forms of a phone, without the +; the last four are the same
	idLeast ids.Member
	idMost  ids.Member // the zero id: the text is no beginning of an id

	sizes map[string]int // blocks that a gram has, up to blocksAtOnce+1
}

// How much a search looks at.
const (
	maxGrams     = 16   // of a text
	rarestGrams  = 3    // of those at most, whose blocks are fetched
	blocksAtOnce = 256  // of each of these
	roundLimit   = 500  // members of one round
	maxRounds    = 12   // until a page is given that is not full
	sortLimit    = 5000 // members that are sorted otherwise than by age
)

// parseText reads a free text. Faults: invalid, field q.
func parseText(text string, rules Rules) (*match, error) {
	var f fault.Fields
	if utf8.RuneCountInString(text) > maxSearch {
		f.Add("q", "too_long", "It has at most %d characters.", maxSearch)
		return nil, f.Err()
	}
	m := &match{digits: phoneForms(text, rules.Region)}
	words := strings.Fields(fold(text))
	if m.grams = wordGrams(words); len(m.grams) > 0 {
		m.words = words
	}
	m.idLeast, m.idMost = idRange(text)
	if m.words == nil && m.digits == nil && m.idMost.IsZero() {
		f.Add("q", "too_short", "Write at least two characters of a name, four digits of a phone, or eight of an id.")
	}
	return m, f.Err()
}

// wordGrams are, for each word that is long enough, pieces that a name with the
// word has: those of three characters, or the word itself if it is shorter.
func wordGrams(words []string) (list [][]string) {
	left := maxGrams
	for _, w := range words {
		runes := []rune(w)
		var grams []string
		switch n := len(runes); {
		case n == 1 && !isWord(runes[0]):
		case n <= 3:
			grams = []string{w}
		default:
			for i := range n - 2 {
				grams = append(grams, string(runes[i:i+3]))
			}
		}
		grams = grams[:min(len(grams), left)]
		left -= len(grams)
		if len(grams) > 0 {
			list = append(list, grams)
		}
	}
	return list
}

// phoneForms are the digits with which a phone would end that is written so, as
// it stands and as the region dials it; none if the text is no phone.
func phoneForms(text, region string) (forms []string) {
	var digits strings.Builder
	for _, r := range text {
		switch {
		case '0' <= r && r <= '9':
			digits.WriteRune(r)
		case '0' <= r-0xff10+'0' && r-0xff10+'0' <= '9': // full width
			digits.WriteRune(r - 0xff10 + '0')
		case !strings.ContainsRune(" +-./()\u00a0\u2010\u2011\u2012\u2013", r):
			return nil
		}
	}
	if bare := strings.TrimLeft(digits.String(), "0"); len(bare) >= 4 && len(bare) <= 20 {
		forms = append(forms, bare)
	}
	if e164, ok := parsePhone(text, region, false); ok {
		if whole := e164[1:]; !slices.Contains(forms, whole) {
			forms = append(forms, whole)
		}
	}
	if len(forms) == 2 && forms[0][len(forms[0])-4:] != forms[1][len(forms[1])-4:] {
		forms = forms[1:]
	}
	return forms
}

// SearchesPhone reports whether a list that is searched for the text tells of a
// phone more than its mask shows: who may not see phones may not ask for it. Of
// several forms, any may be at the end of the phone: the shortest decides what is
// told, as the others end with it. Four digits can be a whole number somewhere.
func (r Rules) SearchesPhone(text string) bool {
	forms := phoneForms(strings.TrimSpace(text), r.Region)
	return forms != nil && !slices.ContainsFunc(forms, func(form string) bool { return len(form) <= privacy.VisibleDigits })
}

// idRange are the least and the greatest id that begin with the text, if it is
// eight digits of an id or more.
func idRange(text string) (least, most ids.Member) {
	digits := strings.ReplaceAll(strings.ToLower(text), "-", "")
	if len(digits) < 8 || len(digits) > 32 {
		return least, ids.Member{}
	}
	low, err1 := hex.DecodeString(digits + strings.Repeat("0", 32-len(digits)))
	high, err2 := hex.DecodeString(digits + strings.Repeat("f", 32-len(digits)))
	if err1 != nil || err2 != nil {
		return least, ids.Member{}
	}
	return ids.Member(low), ids.Member(high)
}

// condition is what a member must meet to match.
func (m *match) condition(t *text, alias string) string {
	var any []string
	if m.words != nil {
		all := make([]string, len(m.words))
		for i, w := range m.words {
			all[i] = alias + ".name_key like " + t.arg("%"+escapeLike(w)+"%") + ` escape '\'`
		}
		any = append(any, "("+strings.Join(all, " and ")+")")
	}
	for _, d := range m.digits {
		any = append(any, alias+".phone like "+t.arg("%"+d))
	}
	if !m.idMost.IsZero() {
		any = append(any, "("+alias+".id >= "+t.arg(m.idLeast)+" and "+alias+".id <= "+t.arg(m.idMost)+")")
	}
	return "(" + strings.Join(any, " or ") + ")"
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)

func escapeLike(s string) string { return likeEscaper.Replace(s) }

// stretch is what a source knows of the members that can match: all of them
// that are not older than floor, the newest first. Without a floor, all.
type stretch struct {
	ids   []ids.Member
	floor ids.Member
}

func (s stretch) whole() bool { return s.floor.IsZero() }

// searched is a page of a search.
func searched(ctx context.Context, r *session.Read, rules Rules, o ListOptions) (Page, []User, error) {
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

// all are the candidates that there are, to be sorted otherwise than by age.
// Faults: invalid, field q, if they are too many.
func (m *match) all(ctx context.Context, r *session.Read) ([]ids.Member, error) {
	all := []ids.Member{}
	below := newest
	for range maxRounds {
		c, err := m.candidates(ctx, r, below, sortLimit+1)
		if err != nil {
			return nil, err
		}
		all = append(all, c.ids...)
		if len(all) > sortLimit {
			break
		}
		if c.whole() {
			return all, nil
		}
		below = c.floor
	}
	var f fault.Fields
	f.Add("q", "too_broad", "More than %d members may match. Write more of the name, or sort by -created_at.", sortLimit)
	return nil, f.Err()
}

// newest is above every id.
var newest = func() (id ids.Member) {
	for i := range id {
		id[i] = math.MaxUint8
	}
	return id
}()

// plans look for those of the candidates that match.
func (m *match) plans(o ListOptions, candidates []ids.Member) (list []plan) {
	for _, s := range o.Filter.Deleted.sides() {
		list = append(list, plan{options: o, side: s, match: m, found: candidates})
	}
	return list
}

// byAge is a page of a search, the newest first: in rounds, each of which looks
// at five hundred members, until the page is full.
func (m *match) byAge(ctx context.Context, r *session.Read, o ListOptions) (page Page, users []User, err error) {
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
		p, found, err := run(ctx, r, o, m.plans(o, c.ids))
		if err != nil {
			return Page{}, nil, err
		}
		if round == 0 {
			p.Total.Exact = c.whole()
			page.Total = p.Total
		}
		users = append(users, found...)
		if page.Next = p.Next; page.Next != nil || c.whole() {
			break
		}
		below = c.floor
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

// candidates are members below an id that can match, up to a limit.
func (m *match) candidates(ctx context.Context, r *session.Read, below ids.Member, limit int) (stretch, error) {
	if err := m.measure(ctx, r); err != nil {
		return stretch{}, err
	}
	rare, tail := m.rarest(), m.tail()
	pieces := make([]stretch, len(rare)+len(tail))
	var parts []query.Part
	for i, g := range slices.Concat(rare, tail) {
		blocks := blocksAtOnce
		if len(rare) == 1 && i == 0 { // all of its members can match
			blocks = limit/blockLength + 1
		}
		parts = append(parts, query.Into(&pieces[i], postings(g, below, blocks)))
	}
	waiting := make([]stretch, 2)
	parts = append(parts, query.Into(&waiting[0], m.unindexed(below, limit)))
	if !m.idMost.IsZero() {
		parts = append(parts, query.Into(&waiting[1], m.byID(below, limit)))
	}
	if err := r.Gather(ctx, parts...); err != nil {
		return stretch{}, err
	}
	if len(rare) > 0 {
		waiting = append(waiting, intersect(pieces[:len(rare)]))
	}
	if len(tail) > 0 {
		waiting = append(waiting, intersect(pieces[len(rare):]))
	}
	return unite(waiting, limit), nil
}

// measure finds how many blocks the grams of the words have, once.
func (m *match) measure(ctx context.Context, r *session.Read) error {
	grams := slices.Concat(m.grams...)
	if m.sizes != nil || len(grams) < 2 {
		return nil
	}
	type size struct {
		gram string
		n    int
	}
	list, err := session.Run(ctx, r, query.Many(`
		select g.gram, (select count(*) from (select 1 as one from member_gram b where b.gram = g.gram limit $2) c)
		from (select value as gram from {texts $1}) g`,
		func(r query.Row) (s size, err error) { return s, r.Scan(&s.gram, &s.n) }, grams, blocksAtOnce+1))
	if err != nil {
		return err
	}
	m.sizes = make(map[string]int, len(list))
	for _, s := range list {
		m.sizes[s.gram] = s.n
	}
	return nil
}

// rarest are the grams whose blocks are fetched: the rarest of each word, or the
// two rarest of the only one. More would cost more than looking at members that
// the text is not in.
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

// tail are the grams of the phone.
func (m *match) tail() []string {
	if len(m.digits) == 0 {
		return nil
	}
	return tailGrams(m.digits[0])
}

// postings are the members below an id that have a gram, from so many blocks.
func postings(gram string, below ids.Member, limit int) query.Query[stretch] {
	blocks := query.Many("select gram, first, ids from member_gram where gram = $1 and first < $2 order by first desc limit $3",
		scanBlock, gram, below, limit)
	return query.Map(blocks, func(list []block) (s stretch, _ error) {
		for _, b := range list {
			for _, id := range slices.Backward(b.ids) {
				if compareIDs(id, below) < 0 {
					s.ids = append(s.ids, id)
				}
			}
		}
		if len(list) == limit {
			s.floor = list[limit-1].first
		}
		return s, nil
	})
}

// unindexed are the matching members below an id that the index does not know.
func (m *match) unindexed(below ids.Member, limit int) query.Query[stretch] {
	t := new(text)
	t.WriteString("select u.id from member_unindexed n cross join users u where u.id = n.member_id and n.member_id < " + t.arg(below))
	t.and(m.condition(t, "u"))
	t.WriteString(" order by n.member_id desc limit " + t.arg(limit))
	return query.Map(query.Many(t.String(), scanID, t.args...), func(list []ids.Member) (stretch, error) {
		return limited(list, limit), nil
	})
}

// byID are the members below an id whose id begins with the text.
func (m *match) byID(below ids.Member, limit int) query.Query[stretch] {
	most := m.idMost
	if compareIDs(below, most) < 0 {
		most = below
	}
	list := query.Many("select id from users where id >= $1 and id <= $2 order by id desc limit $3",
		scanID, m.idLeast, most, limit)
	return query.Map(list, func(list []ids.Member) (stretch, error) {
		s := limited(list, limit)
		if len(s.ids) > 0 && s.ids[0] == below {
			s.ids = s.ids[1:]
		}
		return s, nil
	})
}

func scanID(r query.Row) (id ids.Member, err error) { return id, r.Scan(&id) }

// limited is what is known by a query for so many members.
func limited(list []ids.Member, limit int) stretch {
	s := stretch{ids: list}
	if len(list) == limit {
		s.floor = list[limit-1]
	}
	return s
}

// intersect is what is known of the members that are in every stretch. Where
// one is whole, those that are not only slow it down.
func intersect(list []stretch) stretch {
	if slices.ContainsFunc(list, stretch.whole) {
		list = slices.DeleteFunc(slices.Clone(list), func(s stretch) bool { return !s.whole() })
	}
	all := list[0]
	for _, s := range list[1:] {
		all = stretch{common(all.ids, s.ids), later(all.floor, s.floor)}
	}
	return all.cut()
}

// common are the ids in both lists, which are in descending order.
func common(a, b []ids.Member) (both []ids.Member) {
	for len(a) > 0 && len(b) > 0 {
		switch n := compareIDs(a[0], b[0]); {
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

// unite is what is known of the members that are in any stretch, up to
// a limit.
func unite(list []stretch, limit int) stretch {
	var all stretch
	for _, s := range list {
		all = stretch{append(all.ids, s.ids...), later(all.floor, s.floor)}
	}
	slices.SortFunc(all.ids, func(a, b ids.Member) int { return compareIDs(b, a) })
	all.ids = slices.Compact(all.ids)
	all = all.cut()
	if len(all.ids) > limit {
		all = stretch{all.ids[:limit], all.ids[limit-1]}
	}
	if all.ids == nil {
		all.ids = []ids.Member{}
	}
	return all
}

// cut leaves out the members below the floor, of whom some are missing.
func (s stretch) cut() stretch {
	if i := slices.IndexFunc(s.ids, func(id ids.Member) bool { return compareIDs(id, s.floor) < 0 }); i >= 0 {
		s.ids = s.ids[:i]
	}
	return s
}

func later(a, b ids.Member) ids.Member {
	if compareIDs(a, b) < 0 {
		return b
	}
	return a
}
