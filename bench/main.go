package main

import (
	"context"
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

type measureCmd struct {
	Quick       bool          `help:"Small stores and short turns: whether it works, not how fast it is."`
	Only        []string      `help:"Some of: detail, list, dashboard, create (against the limit), flat, deep, search, memory, writers, import." enum:"detail,list,dashboard,create,flat,deep,search,memory,writers,import" placeholder:"PART,…"`
	Sizes       []int         `help:"Members in the stores, ascending." default:"100000,1000000"`
	Connections []int         `help:"Connections at once." default:"1,16,64"`
	Rounds      int           `help:"Rounds, in each of which everything has its turn." default:"5"`
	Turn        time.Duration `help:"How long a turn lasts." default:"2s"`
	Rows        int           `help:"Rows to import." default:"300000"`
	JSON        bool          `help:"Print JSON."`
	Cache       string        `help:"Where filled stores are kept. Default: in the cache folder of the user." placeholder:"DIR"`
	Muster      string        `help:"The program to measure. Default: one that is built from here." placeholder:"FILE"`
}

// small makes it quick.
func (m *measureCmd) small() {
	m.Sizes, m.Connections = []int{1000, 5000}, []int{1, 16}
	m.Rounds, m.Turn, m.Rows = 3, 200*time.Millisecond, 20_000
}

func (m *measureCmd) wants(part string) bool {
	return len(m.Only) == 0 || slices.Contains(m.Only, part)
}

func (m *measureCmd) wantsAny(parts ...string) bool { return slices.ContainsFunc(parts, m.wants) }

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

func machine() string {
	return fmt.Sprintf("%s/%s, %d processors, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
}
