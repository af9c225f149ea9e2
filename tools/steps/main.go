// Steps runs the targets of a Makefile in lanes and prints a table of what each
// took:
//
//	steps race lint,fuzz,check
//
// The targets of a lane, joined by commas, run one after the other, and the lanes
// at once. The first lane runs in the foreground: it has the processor first, and
// its output appears as it is written. The others use what it leaves, and their
// output follows lane by lane. Every target runs, also after one has failed; the
// command fails when any did.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	start := time.Now()
	steps := run(ctx, os.Stdout, os.Args[1:])
	ok := report(os.Stdout, steps, time.Since(start))
	stop()
	if !ok {
		os.Exit(1)
	}
}

// patience is how long a target that is stopped may take to end.
const patience = 10 * time.Second

// step is what a target took.
type step struct {
	target     string
	wall, busy time.Duration // busy is processor time, that of every child among it
	err        error
}

// run runs the lanes and returns their steps, in order.
func run(ctx context.Context, w io.Writer, lanes []string) (all []step) {
	steps := make([][]step, len(lanes))
	later := make([]bytes.Buffer, len(lanes))
	var wg sync.WaitGroup
	for i, lane := range lanes {
		out, prefix := w, []string(nil)
		if i > 0 {
			out, prefix = &later[i], []string{"nice", "-n", "19"}
		}
		wg.Go(func() {
			for target := range strings.SplitSeq(lane, ",") {
				steps[i] = append(steps[i], runStep(ctx, out, prefix, target))
			}
		})
	}
	wg.Wait()
	for i := range lanes {
		_, _ = later[i].WriteTo(w) // a terminal that is gone shows no error either
		all = append(all, steps[i]...)
	}
	return all
}

func runStep(ctx context.Context, w io.Writer, prefix []string, target string) step {
	fmt.Fprintf(w, "\n== %s\n", target)
	words := append(prefix[:len(prefix):len(prefix)], makeProgram(), "--no-print-directory", target)
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr = w, w
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	start := time.Now()
	s := step{target: target, err: cmd.Run(), wall: time.Since(start)}
	if cmd.ProcessState != nil {
		s.busy = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	if s.err != nil {
		fmt.Fprintf(w, "%s: %v\n", target, s.err)
	}
	return s
}

// makeProgram is the make that runs this command, or the usual one.
func makeProgram() string {
	if name := os.Getenv("MAKE"); name != "" {
		return name
	}
	return "make"
}

// report prints the table and reports whether every step succeeded.
func report(w io.Writer, steps []step, total time.Duration) (ok bool) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\nstep\tseconds\tprocessor seconds\t\t")
	ok = true
	var busy time.Duration
	for _, s := range steps {
		result := "ok"
		if s.err != nil {
			result, ok = "FAILED", false
		}
		busy += s.busy
		fmt.Fprintf(table, "%s\t%.0f\t%.0f\t%s\t\n", s.target, s.wall.Seconds(), s.busy.Seconds(), result)
	}
	fmt.Fprintf(table, "all\t%.0f\t%.0f\t\t\n", total.Seconds(), busy.Seconds())
	_ = table.Flush() // as above
	return ok
}
