package directory

import (
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/nameindex"
	"github.com/musterhq/muster/query"
)

// What tests of package directory_test need of the inside.

// ListStatements are the texts of the statements that a list can run: all that
// the sizes of its filters may lead to.
func ListStatements(o ListOptions) (texts []string) {
	o = o.normal()
	for _, s := range o.Filter.Deleted.sides() {
		whole := o
		whole.After = nil
		sources := whole.sources(s)
		for least := range max(1, len(sources)) {
			sizes := make([]int64, len(sources))
			for i := range sizes {
				sizes[i] = countLimit
			}
			for _, size := range []int64{countLimit - 1, 1} {
				if len(sources) > 0 {
					sizes[least] = size
				}
				p := plan{options: o, side: s}
				p.choose(sources, sizes, o.needsEstimate())
				var users []member.User
				var total Total
				texts = append(texts, query.Statements(query.Into(&users, p.page()), query.Into(&total, p.total()))...)
			}
		}
		for _, x := range sources {
			var n int64
			texts = append(texts, query.Statements(query.Into(&n, x.size(1)))...)
		}
	}
	return texts
}

// SearchStatements are the texts of the statements that a search runs.
func SearchStatements(text string, rules member.Rules) (texts []string, err error) {
	m, err := parseText(text, rules)
	if err != nil {
		return nil, err
	}
	var s nameindex.Stretch
	var users []member.User
	var total Total
	parts := []query.Part{query.Into(&s, nameindex.Postings("ab", newest, 5)), query.Into(&s, m.unindexed(newest, 5)), query.Into(&s, m.byID(newest, 5))}
	for _, p := range m.plans(ListOptions{}.normal(), nil) {
		parts = append(parts, query.Into(&users, p.page()), query.Into(&total, p.total()))
	}
	return query.Statements(parts...), nil
}
