package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"
)

// say tells how far it is, apart from the results.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

// report is all that was found.
type report struct {
	Machine     string       `json:"machine"`
	Started     time.Time    `json:"started"`
	Quick       bool         `json:"quick"` // too short to say how fast anything is
	Comparisons []comparison `json:"comparisons"`
	Claims      []claim      `json:"claims"`
}

// comparison is one request against the limit.
type comparison struct {
	Request     string  `json:"request"`
	Members     int     `json:"members"`
	Connections int     `json:"connections"`
	Muster      figures `json:"muster"`
	Limit       figures `json:"limit"`
	Efficiency  spread  `json:"efficiency"` // the limit's processor time over Muster's
	Reach       float64 `json:"reach"`
	Reached     bool    `json:"reached"`
}

// figures are medians of the rounds.
type figures struct {
	CPU  float64 `json:"cpu_ms_per_1000"`
	P50  float64 `json:"p50_ms"`
	P99  float64 `json:"p99_ms"`
	Rate float64 `json:"requests_per_second"`
}

// claim is a figure with a bound.
type claim struct {
	What    string  `json:"what"`
	Unit    string  `json:"unit"`
	Figure  spread  `json:"figure"`
	Bound   string  `json:"bound"` // at most, at least
	Reach   float64 `json:"reach"`
	Reached bool    `json:"reached"`
}

func (r *report) atMost(reach float64, unit string, figure spread, what string, args ...any) {
	r.add(claim{Unit: unit, Figure: figure, Bound: "at most", Reach: reach, Reached: figure.Median <= reach}, what, args...)
}

func (r *report) atLeast(reach float64, unit string, figure spread, what string, args ...any) {
	r.add(claim{Unit: unit, Figure: figure, Bound: "at least", Reach: reach, Reached: figure.Median >= reach}, what, args...)
}

func (r *report) add(c claim, what string, args ...any) {
	c.What = fmt.Sprintf(what, args...)
	r.Claims = append(r.Claims, c)
	say("%s: %s %s", c.What, number(c.Figure.Median), c.Unit)
}

func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// writeText prints the tables.
func (r *report) writeText(w io.Writer) error {
	fmt.Fprintf(w, "\n%s, %s\n", r.Machine, r.Started.Format(time.RFC3339))
	if r.Quick {
		fmt.Fprintln(w, "A quick run: it shows that all of it works, and not how fast it is.")
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(r.Comparisons) > 0 {
		fmt.Fprintln(w, "\nAgainst the limit. Efficiency is the limit's processor time over Muster's: min … median … max of the rounds.")
		fmt.Fprintln(w, "The other figures are medians, Muster's before the limit's.")
		fmt.Fprintln(out, "\nrequest\tmembers\tconnections\tefficiency\treach\t\tCPU ms/1,000\tp50 ms\tp99 ms\trequests/s")
	}
	for _, c := range r.Comparisons {
		m, l := c.Muster, c.Limit
		fmt.Fprintf(out, "%s\t%d\t%d\t%s\t≥ %.2f\t%s\t%.0f / %.0f\t%.2f / %.2f\t%.2f / %.2f\t%.0f / %.0f\n",
			c.Request, c.Members, c.Connections, c.Efficiency, c.Reach, mark(c.Reached),
			m.CPU, l.CPU, m.P50, l.P50, m.P99, l.P99, m.Rate, l.Rate)
	}
	if err := out.Flush(); err != nil || len(r.Claims) == 0 {
		return err
	}
	fmt.Fprintln(out, "\nclaim\tmin … median … max\treach\t")
	for _, c := range r.Claims {
		sign := map[string]string{"at most": "≤", "at least": "≥"}[c.Bound]
		fmt.Fprintf(out, "%s\t%s %s\t%s %s\t%s\n", c.What, c.Figure, c.Unit, sign, number(c.Reach), mark(c.Reached))
	}
	return out.Flush()
}

func mark(reached bool) string {
	if reached {
		return "reached"
	}
	return "NOT REACHED"
}
