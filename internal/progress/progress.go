package progress

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Unit is what is counted.
type Unit uint8

// The units.
const (
	Bytes Unit = iota + 1
	Things
)

// Bar shows the progress of one command. It is not safe for concurrent use.
type Bar struct {
	out  io.Writer
	bar  *progressbar.ProgressBar // nil without a terminal
	last time.Time                // when Set last printed
}

// Intervals between updates.
const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 5 * time.Second
)

// New returns a bar that prints to out, which should be standard error: standard
// output is for results.
func New(out *os.File, unit Unit) *Bar {
	b := newBar(out)
	if term.IsTerminal(int(out.Fd())) {
		b.bar = progressbar.NewOptions64(0,
			progressbar.OptionSetWriter(out),
			progressbar.OptionShowBytes(unit == Bytes),
			progressbar.OptionShowCount(),
			progressbar.OptionFullWidth(),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(barEvery))
	}
	return b
}

func newBar(out io.Writer) *Bar { return &Bar{out: out, last: time.Now()} }

// Set updates how much of all is done, and describes it. Call it as often as you
// like.
func (b *Bar) Set(done, all int64, what string) {
	now := time.Now()
	every := lineEvery
	if b.bar != nil {
		every = barEvery
	}
	if now.Sub(b.last) < every {
		return
	}
	b.last = now
	if b.bar == nil {
		fmt.Fprintln(b.out, line(done, all, what))
		return
	}
	b.bar.Describe(what)
	if b.bar.GetMax64() != all {
		b.bar.ChangeMax64(all)
	}
	_ = b.bar.Set64(done) // only a display
}

func line(done, all int64, what string) string {
	if all <= 0 {
		return what
	}
	return fmt.Sprintf("%3d %%  %s", min(100*done/all, 100), what)
}

// Close removes the bar.
func (b *Bar) Close() {
	if b.bar != nil {
		_ = b.bar.Finish() // only a display
	}
}
