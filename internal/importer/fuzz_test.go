package importer

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/musterhq/muster/internal/csvfile"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/member"
)

// FuzzMap reads maps and converts rows with the valid ones: nothing panics, and the
// same row becomes the same member.
func FuzzMap(f *testing.F) {
	// Short seeds: the fuzzer spends minutes on a long one.
	const head = "[id]\nnamespace=\"n\"\nfrom=\"a\"\n[[field]]\nto=\"name\"\nfrom=\"b\"\n[[field]]\nto=\"gender\"\nvalue=\"male\"\n"
	for _, field := range []string{
		"", "[ignored]\nc=\"why\"\n",
		"[[field]]\nto=\"birth_year\"\nfrom=\"c\"\nconvert=\"age\"\nat=2003-07-01\n",
		"[[field]]\nto=\"created_at\"\nfrom=\"c\"\nlayout=\"DD.MM.YYYY\"\n",
		"[[field]]\nto=\"profile.income\"\nfrom=\"c\"\ngrouping=\",\"\ntimes=0.5\nunit=\"$\"\n",
		"[[field]]\nto=\"lifestyle.pets\"\nfrom=[\"b\",\"c\"]\nsplit=\"; \"\nmost=1\n",
		"[[field]]\nto=\"lifestyle.pets\"\nat_least=7\n[field.columns]\nb=\"x\"\n",
		"[[field]]\nto=\"profile.region\"\nfrom=\"c\"\ncase=\"capital\"\n[field.codes]\n0=\"x\"\n",
	} {
		f.Add([]byte(head+field), "1", "69,487.00", "2003-07-01")
		f.Add([]byte(head+field), "", "\x00", "김;\\")
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text []byte, a, b, c string) {
		m, err := ParseMap(text)
		if err != nil {
			return
		}
		p, err := bind(m, columnsNamed(m), member.Rules{Region: "KR", Imported: true})
		if err != nil {
			return
		}
		row := csvfile.Row{Line: 2, Cells: make([]string, p.whole)}
		for i := range row.Cells {
			row.Cells[i] = []string{a, b, c}[i%3]
		}
		uses := make([]use, len(p.header))
		first := p.convert(row, at, uses)
		second := p.convert(row, at, uses)
		for _, e := range []*entry{&first, &second} {
			if e.new.Subscription != nil {
				e.new.Subscription.ID = ids.Row{} // new each time
			}
		}
		if diff := cmp.Diff(first.new, second.new, cmpopts.IgnoreUnexported(member.Detail{})); diff != "" {
			t.Fatalf("the same row became another member (-first +second):\n%s", diff)
		}
		if len(first.problems) != len(second.problems) || first.new.ExternalID == nil {
			t.Fatalf("problems %v and then %v", first.problems, second.problems)
		}
	})
}

// columnsNamed returns the columns that a map names.
func columnsNamed(m *Map) []string {
	names := map[string]bool{}
	id, _ := columnsOf(m.ID.From)
	for _, name := range id {
		names[name] = true
	}
	for i := range m.Fields {
		for _, name := range m.Fields[i].from {
			names[name] = true
		}
	}
	for name := range m.Ignored {
		names[name] = true
	}
	return slices.Sorted(maps.Keys(names))
}
