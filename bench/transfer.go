package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

const (
	importReach = 15_000 // members a second
	flatReach   = 1.15   // memory late over memory early
)

// transferMap feeds the columns of the file that writeRows makes.
const transferMap = `
[id]
namespace = "bench"
from = "id"

[[field]]
to = "name"
from = "name"

[[field]]
to = "phone"
from = "phone"

[[field]]
to = "gender"
from = "gender"

[[field]]
to = "birth_year"
from = "birth_year"

[[field]]
to = "profile.region"
from = "region"
`

// writeRows makes a file of people who differ in all but their region.
func writeRows(path string, rows int) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("making a file to import: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(w, "id,name,phone,gender,birth_year,region")
	families, first := []rune("김이박최정강조윤장임한오서신권황안송류홍"), []rune("가나다라마바사아자차하서지민유수은도현우")
	for i := range rows {
		// Neighbours in the file are neighbours in nothing else.
		n := i * 7_919 % 1_000_003
		name := string([]rune{families[n%20], first[n/20%20], first[n/400%20]})
		fmt.Fprintf(w, "%d,%s,010-%04d-%04d,%s,%d,Seoul\n", i, name, 2000+n/10_000, n%10_000, []string{"female", "male"}[n%2], 1960+n%45)
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		return fmt.Errorf("writing a file to import: %w", err)
	}
	return nil
}

// measureTransfer imports a file into an empty store and exports the largest.
func (b *bench) measureTransfer(ctx context.Context, r *report) error {
	folder := filepath.Join(b.scratch, "import")
	file, mapping := filepath.Join(b.scratch, "rows.csv"), filepath.Join(b.scratch, "map.toml")
	if err := writeRows(file, b.Rows); err != nil {
		return err
	}
	if err := os.WriteFile(mapping, []byte(transferMap), 0o600); err != nil {
		return fmt.Errorf("writing a map: %w", err)
	}
	// The first makes the store, which is not what is measured.
	w, err := watch(ctx, b.muster, "import", "--data", folder, "--phone-region", region, "--map", mapping, "--json", file)
	if err != nil {
		return err
	}
	rate := float64(b.Rows) / w.took.Seconds()
	r.atLeast(importReach, "/s", spread{rate, rate, rate}, "import of %d members with names and phones: members a second, of the whole command", b.Rows)
	w.report(r, fmt.Sprintf("import of %d members", b.Rows))

	s, err := b.filled(ctx, b.Sizes[len(b.Sizes)-1])
	if err != nil {
		return err
	}
	folder = filepath.Join(b.scratch, "export")
	if _, err := s.copyTo(folder); err != nil {
		return err
	}
	if w, err = watch(ctx, b.muster, "export", "--data", folder, "--format", "csv"); err != nil {
		return err
	}
	w.report(r, fmt.Sprintf("export of %d members at %.0f/s", s.members, float64(s.members)/w.took.Seconds()))
	return nil
}

// watched is what a command took.
type watched struct {
	took   time.Duration
	memory []float64 // from time to time, in MB
}

// watch runs a command, throws away what it prints, and looks at its memory.
func watch(ctx context.Context, name string, args ...string) (w watched, err error) {
	cmd := exec.CommandContext(ctx, name, args...)
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return w, fmt.Errorf("starting %s: %w", name, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-ended:
			w.took = time.Since(start)
			if err != nil {
				return w, fmt.Errorf("%s %s, run it by hand to see why: %w", name, args[0], err)
			}
			return w, nil
		case <-look.C:
			if now, _, err := memory(cmd.Process.Pid); err == nil && now > 0 { // it may just have ended
				w.memory = append(w.memory, now)
			}
		}
	}
}

// report says how much memory there was, and whether it grew: a third of the
// time is for the start, and the last is compared with the one in between.
func (w watched) report(r *report, what string) {
	third := len(w.memory) / 3
	if third == 0 {
		say("%s was too short to see its memory", what)
		return
	}
	middle, last := slices.Max(w.memory[third:2*third]), slices.Max(w.memory[2*third:])
	most := slices.Max(w.memory)
	r.atMost(flatReach, "×", spread{last / middle, last / middle, last / middle}, "%s: the most memory of its last third over that of its second", what)
	r.atMost(memoryReach, "MB", spread{most, most, most}, "%s: the most memory", what)
}
