package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

func main() {
	members := flag.Int("members", 100_000, "members in the database")
	rounds := flag.Int("rounds", 9, "rounds, in each of which every driver has its turn")
	turn := flag.Duration("turn", time.Second, "how long a turn lasts")
	flag.Parse()
	if err := run(*members, *rounds, *turn); err != nil {
		fmt.Fprintln(os.Stderr, "drivers:", err)
		os.Exit(1)
	}
}

// workload is something that an engine does. It gives a figure of one turn.
type workload struct {
	name, unit string
	slower     bool // a greater figure is slower
	turn       func(path string, c []*session, d time.Duration) (float64, error)
}

var workloads = []workload{
	{"member page, one connection: median", "µs", true, pageMedian},
	{"member page, two connections at once", "/s", false, pagesTogether},
	{"three inserts and a commit with a disk sync", "/s", false, commits},
	{"count by a scan of the members", "ms", true, count},
}

func run(members, rounds int, turn time.Duration) error {
	folder, err := os.MkdirTemp("", "drivers")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "members.db")
	fmt.Fprintf(os.Stderr, "filling %d members\n", members)
	if err := fill(path, members); err != nil {
		return err
	}
	open := make([][]*session, len(drivers))
	for i, d := range drivers {
		for range 2 {
			s, err := newSession(d.open, path, members)
			if err != nil {
				return fmt.Errorf("%s: %w", d.name, err)
			}
			defer s.conn.close() //nolint:errcheck // it was only measured
			open[i] = append(open[i], s)
		}
	}
	figures, err := measure(path, open, rounds, turn)
	if err != nil {
		return err
	}
	return show(figures)
}

// measure gives the figures of every round by workload and driver.
func measure(path string, open [][]*session, rounds int, turn time.Duration) ([][][]float64, error) {
	figures := make([][][]float64, len(workloads))
	for w := range workloads {
		figures[w] = make([][]float64, len(drivers))
	}
	for round := range rounds + 1 { // the first one warms up
		for w := range workloads {
			for i := range drivers {
				d := (i + round) % len(drivers) // nobody is always first
				got, err := workloads[w].turn(path, open[d], turn)
				if err != nil {
					return nil, fmt.Errorf("%s: %s: %w", drivers[d].name, workloads[w].name, err)
				}
				if round > 0 {
					figures[w][d] = append(figures[w][d], got)
				}
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round, rounds)
	}
	return figures, nil
}

func show(figures [][][]float64) error {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "workload\tdriver\tmedian\tmin … max\ttimes as fast as "+drivers[0].name+": min … median … max")
	for w, work := range workloads {
		for d := range drivers {
			sorted := slices.Sorted(slices.Values(figures[w][d]))
			ratios := make([]float64, len(sorted))
			for i, f := range figures[w][d] {
				ratios[i] = f / figures[w][0][i]
				if work.slower {
					ratios[i] = 1 / ratios[i]
				}
			}
			slices.Sort(ratios)
			last := len(sorted) - 1
			fmt.Fprintf(out, "%s\t%s\t%.1f %s\t%.1f … %.1f\t%.2f … %.2f … %.2f\n", work.name, drivers[d].name,
				sorted[last/2], work.unit, sorted[0], sorted[last], ratios[0], ratios[last/2], ratios[last])
		}
	}
	return out.Flush()
}

// session is a connection with what it runs prepared.
type session struct {
	conn                            conn
	page                            []stmt
	begin, end, note, commit, count stmt
	immediate                       stmt
	members                         int
}

func newSession(open func(string) (conn, error), path string, members int) (s *session, err error) {
	s = &session{members: members}
	if s.conn, err = open(path); err != nil {
		return nil, err
	}
	err = execAll(s.conn, "pragma busy_timeout = 5000", "pragma synchronous = full", "pragma cache_size = -4096",
		"pragma foreign_keys = on", "pragma temp_store = memory")
	if err != nil {
		return nil, err
	}
	for _, part := range page {
		p, err := s.conn.prepare(part.sql)
		if err != nil {
			return nil, err
		}
		s.page = append(s.page, p)
	}
	for sql, to := range map[string]*stmt{
		"begin": &s.begin, "commit": &s.end, "begin immediate": &s.immediate,
		"insert into note (member_id, body) values (?1, ?2)":                  &s.note,
		"select count(*), sum(birth_year) from users where gender = 'female'": &s.count,
	} {
		if *to, err = s.conn.prepare(sql); err != nil {
			return nil, err
		}
	}
	return s, nil
}

var errRows = errors.New("another number of rows than were stored")

// open reads the page of one member, in one snapshot.
func (s *session) open(member int) error {
	if _, err := s.begin.run(); err != nil {
		return err
	}
	key := id(member)
	for i, part := range s.page {
		if n, err := part.run(key); err != nil || n != page[i].rows {
			return errors.Join(err, errRows)
		}
	}
	_, err := s.end.run()
	return err
}

func pageMedian(_ string, c []*session, d time.Duration) (float64, error) {
	var took []time.Duration
	for start := time.Now(); time.Since(start) < d; {
		before := time.Now()
		if err := c[0].open(rand.IntN(c[0].members)); err != nil {
			return 0, err
		}
		took = append(took, time.Since(before))
	}
	slices.Sort(took)
	return float64(took[len(took)/2].Nanoseconds()) / 1000, nil
}

func pagesTogether(_ string, c []*session, d time.Duration) (float64, error) {
	counts, errs := make([]int, len(c)), make([]error, len(c))
	var wg sync.WaitGroup
	start := time.Now()
	for i, s := range c {
		wg.Go(func() {
			for errs[i] == nil && time.Since(start) < d {
				errs[i] = s.open(rand.IntN(s.members))
				counts[i]++
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / time.Since(start).Seconds(), errors.Join(errs...)
}

func commits(_ string, c []*session, d time.Duration) (float64, error) {
	s, n := c[0], 0
	body := strings.Repeat("note ", 40)
	start := time.Now()
	for ; time.Since(start) < d; n++ {
		if _, err := s.immediate.run(); err != nil {
			return 0, err
		}
		for range 3 {
			if _, err := s.note.run(id(n), body); err != nil {
				return 0, err
			}
		}
		if _, err := s.end.run(); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(start).Seconds(), nil
}

func count(_ string, c []*session, _ time.Duration) (float64, error) {
	const times = 3
	start := time.Now()
	for range times {
		if _, err := c[0].count.run(); err != nil {
			return 0, err
		}
	}
	return float64(time.Since(start).Microseconds()) / 1000 / times, nil
}
