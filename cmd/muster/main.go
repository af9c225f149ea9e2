package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // so that time zones are known where the system has none

	"github.com/alecthomas/kong"
)

func main() { os.Exit(run(os.Args[1:], console{out: os.Stdout, err: os.Stderr})) }

// A console is where a command speaks: results to out, all else to err.
type console struct {
	out io.Writer
	err *os.File
}

// run parses the arguments and runs the command, until it is done or a signal
// ends it. After the first signal the next one ends the program at once.
func run(args []string, c console) int {
	syscall.Umask(0o077) // what a command writes is personal, or secret
	ctx, cancel := untilSignal()
	defer cancel()
	parser, err := newParser(c)
	if err != nil {
		return c.fail(err)
	}
	command, err := parser.Parse(args)
	if err != nil {
		return c.fail(misuse(err))
	}
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(c); err != nil {
		return c.fail(err)
	}
	return exitDone
}

// untilSignal gives a context that ends with the first signal to stop. The next
// one finds nobody who listens, and the system ends the program.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
		case <-ctx.Done():
		}
		signal.Stop(signals)
		cancel()
	}()
	return ctx, cancel
}

func newParser(c console) (*kong.Kong, error) {
	return kong.New(&cli{},
		kong.Name("muster"),
		kong.Description("Muster is the back office of a membership: an API over one file and one folder, or over PostgreSQL and S3."),
		kong.DefaultEnvars("MUSTER"),
		defaults(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Writers(c.out, c.err),
	)
}

// misuse says where to read what the arguments should have been.
func misuse(err error) error {
	about := "muster"
	var p *kong.ParseError
	if errors.As(err, &p) && p.Context.Selected() != nil {
		about = p.Context.Selected().FullPath()
	}
	return &exit{exitUsage, fmt.Errorf("%w\nSee: %s --help", err, about)}
}
