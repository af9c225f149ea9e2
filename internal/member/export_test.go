package member

import "github.com/musterhq/muster/query"

// What tests of package member_test need of the inside.

func Fold4Test(s string) string { return fold(s) }

var UpdateChange = update

// ListStatements are the texts of the statements that a list runs.
func ListStatements(o ListOptions, narrow bool) (texts []string) {
	o = o.normal()
	for _, s := range o.Filter.Deleted.sides() {
		p := plan{options: o, side: s}
		if ordered := o.ordered(); o.Sort.By == ByCreated && len(ordered) > 0 {
			p.along = &ordered[0]
		}
		var users []User
		var total Total
		parts := []query.Part{query.Into(&users, p.page()), query.Into(&total, p.total())}
		if o.needsEstimate() {
			for _, x := range o.sources(s) {
				var n int64
				parts = append(parts, query.Into(&n, x.size(narrowLimit+1)))
				if narrow {
					p.narrow = &x
					parts = append(parts, query.Into(&users, p.page()), query.Into(&total, p.total()))
				}
			}
		}
		texts = append(texts, query.Statements(parts...)...)
	}
	return texts
}

// SearchStatements are the texts of the statements that a search runs.
func SearchStatements(text string, rules Rules) (texts []string, err error) {
	m, err := parseText(text, rules)
	if err != nil {
		return nil, err
	}
	var s stretch
	var users []User
	var total Total
	parts := []query.Part{query.Into(&s, postings("ab", newest, 5)), query.Into(&s, m.unindexed(newest)), query.Into(&s, m.byID(newest))}
	for _, p := range m.plans(ListOptions{}.normal(), nil) {
		parts = append(parts, query.Into(&users, p.page()), query.Into(&total, p.total()))
	}
	return query.Statements(parts...), nil
}
