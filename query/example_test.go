package query_test

import (
	"fmt"

	"github.com/musterhq/muster/query"
)

type page struct {
	Title  string
	Titles []string
	Count  int
}

func title(r query.Row) (s string, err error) { return s, r.Scan(&s) }

// Together makes one query of several: whoever runs it need not know.
func ExampleTogether() {
	overview := func(id int) query.Query[page] {
		return query.Together(func(p *page) []query.Part {
			return []query.Part{
				query.Into(&p.Title, query.One(`select title from book where id = $1`, title, id)),
				query.Into(&p.Titles, query.Many(`select title from book order by title limit 10`, title)),
				query.Into(&p.Count, query.Scalar[int](`select count(*) from book`)),
			}
		})
	}
	for _, sql := range query.Statements(query.Into(new(page), overview(1))) {
		fmt.Println(sql)
	}
	// Output:
	// select title from book where id = $1
	// select title from book order by title limit 10
	// select count(*) from book
}

// The common language has placeholders by number, and fragments for what the
// databases spell differently.
func ExampleRender() {
	const text = `select title from book where id {in $2} and shelf = $1`
	for _, dialect := range []query.Dialect{query.Postgres, query.SQLite} {
		sql, err := query.Render(dialect, text)
		fmt.Println(sql, err)
	}
	// Output:
	// select title from book where id = any($2) and shelf = $1 <nil>
	// select title from book where id in (select value from json_each(?2)) and shelf = ?1 <nil>
}
