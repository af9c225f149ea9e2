package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // so that time zones are known where the system has none

	"github.com/alecthomas/kong"

	"github.com/musterhq/muster/engine/postgres"
	"github.com/musterhq/muster/internal/certificate"
)

func main() { os.Exit(run(os.Args[1:], console{out: os.Stdout, err: os.Stderr})) }

// cli is the grammar of the command line. An environment variable can stand for
// each flag: MUSTER_TIME_ZONE for --time-zone.
type cli struct {
	Serve    serveCmd    `cmd:"" help:"Serve the API."`
	Operator operatorCmd `cmd:"" help:"Create, list, change and disable operators."`
	Role     roleCmd     `cmd:"" help:"List, set and delete roles."`
	Token    tokenCmd    `cmd:"" help:"Create, list and revoke API tokens."`
	Import   importCmd   `cmd:"" help:"Import members from a CSV file."`
	Export   exportCmd   `cmd:"" help:"Export all members as CSV or JSON lines."`
	Copy     copyCmd     `cmd:"" help:"Copy a store to another database and compare the two."`
	Status   statusCmd   `cmd:"" help:"Show the state of the database servers."`
	Audit    auditCmd    `cmd:"" help:"Verify and export the audit log."`
	Check    checkCmd    `cmd:"" help:"Recount all members and look for damage."`
	Migrate  migrateCmd  `cmd:"" help:"Migrate the database to this version of Muster."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

// run parses the arguments and runs the command until it is done or a signal
// stops it. After the first signal, the next one ends the program at once.
func run(args []string, c console) int {
	syscall.Umask(0o077) // what a command writes is personal, or secret
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the system handles the next signal
	parser, err := newParser(c)
	if err != nil {
		return c.fail(err)
	}
	command, err := parser.Parse(args)
	if err != nil {
		return c.fail(badUsage(err))
	}
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(c); err != nil {
		return c.fail(err)
	}
	return exitDone
}

func newParser(c console) (*kong.Kong, error) {
	return kong.New(&cli{},
		kong.Name("muster"),
		kong.Description("Muster is the back office of a membership: an API on one file and one directory, or on PostgreSQL and S3."),
		kong.DefaultEnvars("MUSTER"),
		defaults(),
		kong.PostBuild(addHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Writers(c.out, c.err),
	)
}

// defaults are the values that help shows for flags that are not set.
func defaults() kong.Vars {
	d := postgres.Defaults()
	return kong.Vars{
		"media_form": placeForm, "store_form": storeForm, "acme_directory": certificate.LetsEncrypt,
		"pool_readers": fmt.Sprint(d.Readers), "pool_writers": fmt.Sprint(d.Writers),
		"statement_timeout": d.StatementTimeout.String(), "statement_timeout_bulk": strings.TrimSuffix(bulkTimeout.String(), "0s"),
		"lock_timeout": d.LockTimeout.String(), "idle_timeout": d.IdleTimeout.String(),
	}
}

// badUsage adds where to read about the arguments.
func badUsage(err error) error {
	about := "muster"
	if p, ok := errors.AsType[*kong.ParseError](err); ok && p.Context.Selected() != nil {
		about = p.Context.Selected().FullPath()
	}
	return usage("%w\nSee: %s --help", err, about)
}
