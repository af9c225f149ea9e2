package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/musterhq/muster/bench/limit"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	command := kong.Parse(new(cli), kong.Name("bench"),
		kong.Description("Measures Muster, against a hand-written server and against itself."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	command.BindTo(ctx, (*context.Context)(nil))
	command.FatalIfErrorf(command.Run())
}

type cli struct {
	Measure measureCmd `cmd:"" default:"withargs" help:"Measure and print (the default)."`
	Limit   limitCmd   `cmd:"" hidden:"" help:"Serve as the limit does."`
}

// limitCmd is the process that Muster is measured against.
type limitCmd struct {
	Database   string `required:""` // a file, or the address of a PostgreSQL server
	Group      bool
	OneAtATime bool
}

// Run serves until ctx ends. It collects garbage as lazily as "muster serve"
// does: what that gains is nothing that layers cost.
func (l limitCmd) Run(ctx context.Context) error {
	debug.SetMemoryLimit(96 << 20)
	debug.SetGCPercent(400)
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		return fmt.Errorf("loading the time zone: %w", err)
	}
	o := limit.Options{Path: l.Database, Zone: zone, Region: region, Group: l.Group}
	var s interface {
		io.Closer
		Serve(ctx context.Context, address string, ready func(string)) error
	}
	if strings.HasPrefix(l.Database, "postgres://") {
		s, err = limit.NewPostgres(ctx, l.Database, l.OneAtATime, o)
	} else {
		s, err = limit.New(o)
	}
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Serve(ctx, "127.0.0.1:0", func(address string) { fmt.Println("http://" + address) })
}

// Run measures and prints.
func (m *measureCmd) Run(ctx context.Context) error {
	if m.Quick {
		m.small()
	}
	if m.Rounds < 1 || m.Turn < 10*time.Millisecond || len(m.Sizes) == 0 || len(m.Connections) == 0 || !slices.IsSorted(m.Sizes) || m.Sizes[0] < 500 {
		return fmt.Errorf("it takes a round, a turn of 10ms, a connection, and sizes of 500 members or more, ascending")
	}
	b, err := newBench(ctx, m)
	if err != nil {
		return err
	}
	defer b.close()
	r := &report{Machine: machine(), Quick: m.Quick, Started: time.Now().UTC().Truncate(time.Second)}
	if err := b.measure(ctx, r); err != nil {
		return err
	}
	if m.JSON {
		return r.writeJSON(os.Stdout)
	}
	return r.writeText(os.Stdout)
}

// measure does all that is asked for, size by size.
func (b *bench) measure(ctx context.Context, r *report) error {
	for i, members := range b.Sizes {
		if !b.wantsAny("detail", "list", "dashboard", "create", "flat", "deep", "search", "memory") {
			break
		}
		largest := i == len(b.Sizes)-1
		if err := b.measureSize(ctx, r, members, largest); err != nil {
			return fmt.Errorf("with %d members: %w", members, err)
		}
	}
	if b.wants("writers") {
		if err := b.measureWriters(ctx, r); err != nil {
			return fmt.Errorf("group commit: %w", err)
		}
	}
	if b.wants("import") {
		if err := b.measureTransfer(ctx, r); err != nil {
			return fmt.Errorf("import and export: %w", err)
		}
	}
	return nil
}

func (b *bench) measureSize(ctx context.Context, r *report, members int, largest bool) (err error) {
	s, err := b.serve(ctx, members)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := b.compareReads(ctx, r, s); err != nil {
		return err
	}
	if largest {
		if err := b.measureClaims(ctx, r, s); err != nil {
			return err
		}
	}
	if b.wants("create") {
		if err := b.compareCreates(ctx, r, s); err != nil {
			return err
		}
	}
	if largest && b.wants("memory") {
		return b.measureMemory(r, s)
	}
	return nil
}

func machine() string {
	return fmt.Sprintf("%s/%s, %d processors, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
}
