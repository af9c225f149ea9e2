package importer

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report says what became of a file. For an import that continued after an
// interruption, it counts both runs.
type Report struct {
	DryRun   bool       `json:"dry_run"`  // nothing was written
	Complete bool       `json:"complete"` // the whole file was read
	Resumed  int        `json:"resumed"`  // the line behind which this run started; 0 for the start of the file
	Before   *time.Time `json:"before"`   // the time at which the whole file was imported before
	Rows     int64      `json:"rows"`     // read
	Created  int64      `json:"created"`  // or would be, in a dry run
	Present  int64      `json:"present"`  // rows of existing members
	Rejected int64      `json:"rejected"`
	Rejects  string     `json:"rejects,omitempty"` // the file with the rejected rows
	Columns  []Column   `json:"columns"`
	Problems []Count    `json:"problems"` // for each field and class, the most frequent first
	First    []Problem  `json:"first"`    // the first problems, at most [maxFirst]
	Elapsed  float64    `json:"elapsed"`  // seconds, of this run

	problems map[[2]string]int64
}

// Column says how a column was used.
type Column struct {
	Name          string   `json:"name"`
	Fields        []string `json:"fields"`            // the fields that it feeds
	Ignored       string   `json:"ignored,omitempty"` // the reason for which it feeds none
	Used          int64    `json:"used"`              // values
	Blank         int64    `json:"blank"`
	Unconvertible int64    `json:"unconvertible"`
}

// Count says how many rows have a problem.
type Count struct {
	Field string `json:"field"`
	Class string `json:"class"`
	Rows  int64  `json:"rows"`
}

const maxFirst = 20

func newReport(p *plan) Report {
	r := Report{problems: map[[2]string]int64{}, Columns: make([]Column, len(p.header)), Problems: []Count{}, First: []Problem{}}
	for i, name := range p.header {
		r.Columns[i] = Column{Name: name, Fields: p.used[i], Ignored: p.of.Ignored[name]}
		if r.Columns[i].Fields == nil {
			r.Columns[i].Fields = []string{}
		}
	}
	return r
}

// tally says how the columns fared in the rows of a batch.
type tally []Column

func (t tally) add(uses []use) {
	for i, u := range uses {
		switch u {
		case wasUsed:
			t[i].Used++
		case wasBlank:
			t[i].Blank++
		case wasBad:
			t[i].Unconvertible++
		}
	}
}

func (r *Report) addTally(t tally) {
	for i := range t {
		c := &r.Columns[i]
		c.Used += t[i].Used
		c.Blank += t[i].Blank
		c.Unconvertible += t[i].Unconvertible
	}
}

// reject counts the problems of a row.
func (r *Report) reject(problems []Problem) {
	seen := make(map[[2]string]bool, len(problems))
	for _, p := range problems {
		if key := [2]string{p.Field, p.Class}; !seen[key] {
			seen[key] = true
			r.problems[key]++
		}
		if len(r.First) < maxFirst {
			r.First = append(r.First, p)
		}
	}
}

// finish sorts the problems.
func (r *Report) finish() {
	for key, rows := range r.problems {
		r.Problems = append(r.Problems, Count{key[0], key[1], rows})
	}
	slices.SortFunc(r.Problems, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Class, b.Class))
	})
}

// WriteText writes the report as tables for a person.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	r.summary(&b)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nCOLUMN\tUSED\tBLANK\tUNFIT\tFOR")
	for _, c := range r.Columns {
		if c.Ignored != "" {
			fmt.Fprintf(t, "%s\t–\t–\t–\tignored: %s\n", c.Name, c.Ignored)
			continue
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\n", c.Name, c.Used, c.Blank, c.Unconvertible, strings.Join(c.Fields, ", "))
	}
	if len(r.Problems) > 0 {
		fmt.Fprintln(t, "\nROWS\tPROBLEM\tFIELD")
		for _, c := range r.Problems {
			fmt.Fprintf(t, "%d\t%s\t%s\n", c.Rows, c.Class, c.Field)
		}
		fmt.Fprintln(t, "\nLINE\tFIELD\tREMEDY")
		for _, p := range r.First {
			fmt.Fprintf(t, "%d\t%s\t%s\n", p.Line, p.Field, p.describe())
		}
	}
	_ = t.Flush() // a builder does not fail
	if r.Rejects != "" {
		fmt.Fprintf(&b, "\nThe rejected rows are in %s. Correct them and import that file with the same map.\n", r.Rejects)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func (r *Report) summary(b *strings.Builder) {
	if r.Before != nil {
		fmt.Fprintf(b, "The whole file was imported before, on %s.\n", r.Before.Format("2006-01-02 15:04 MST"))
	}
	if r.Resumed > 0 {
		fmt.Fprintf(b, "Continued behind line %d; the numbers count both runs.\n", r.Resumed)
	}
	created := "created"
	if r.DryRun {
		created = "would be created"
	}
	fmt.Fprintf(b, "%d rows: %d %s, %d already present, %d rejected.\n", r.Rows, r.Created, created, r.Present, r.Rejected)
	if !r.Complete {
		b.WriteString("The import did not reach the end of the file. Run the same command again to continue.\n")
	}
}
