package main

import (
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/term"
)

// cli is the grammar of the command line. Each flag can be given as a variable
// of the environment, too: --time-zone as MUSTER_TIME_ZONE.
type cli struct {
	Serve    serveCmd    `cmd:"" help:"Serve the API."`
	Operator operatorCmd `cmd:"" help:"Make, list, change and disable who works here."`
	Role     roleCmd     `cmd:"" help:"Say what roles allow."`
	Token    tokenCmd    `cmd:"" help:"Make, list and revoke the tokens that open the API."`
	Import   importCmd   `cmd:"" help:"Make members of the rows of a CSV file."`
	Export   exportCmd   `cmd:"" help:"Write all members as CSV or JSON lines."`
	Copy     copyCmd     `cmd:"" help:"Copy a store to another database, and compare them."`
	Status   statusCmd   `cmd:"" help:"Say how the servers of the database are."`
	Audit    auditCmd    `cmd:"" help:"Verify and export the record of what was done, and by whom."`
	Check    checkCmd    `cmd:"" help:"Recount everything and look for damage."`
	Migrate  migrateCmd  `cmd:"" help:"Bring the database up to this version of Muster."`
	Version  versionCmd  `cmd:"" help:"Say which Muster this is."`
}

// Format is the flag of commands whose result a script may read.
type Format struct {
	JSON bool `help:"Write the result as JSON."`
}

// zone is a time zone of the IANA database; without a name it was not given.
type zone struct{ *time.Location }

// UnmarshalText finds the zone of a name.
func (z *zone) UnmarshalText(text []byte) error {
	name := string(text)
	if name == "" {
		return nil
	}
	l, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return fmt.Errorf("there is no time zone %q: use a name of the IANA database, such as Asia/Seoul or UTC", name)
	}
	z.Location = l
	return nil
}

// region is a country code of ISO 3166, or empty.
type region string

// UnmarshalText takes a code whose phone numbers are known.
func (r *region) UnmarshalText(text []byte) error {
	code := strings.ToUpper(string(text))
	if code != "" && !phonenumbers.GetSupportedRegions()[code] {
		return fmt.Errorf("there is no phone region %q: use a country code of two letters, such as KR", text)
	}
	*r = region(code)
	return nil
}

// address is a host and a port to listen at.
type address string

// UnmarshalText checks the form.
func (a *address) UnmarshalText(text []byte) error {
	if _, port, err := net.SplitHostPort(string(text)); err != nil || port == "" {
		return fmt.Errorf("%q is no address to listen at: write host:port, such as 127.0.0.1:8080", text)
	}
	*a = address(text)
	return nil
}

// Logging are the flags of commands that run for long.
type Logging struct {
	LogFormat string     `help:"How to log: auto is text on a terminal and json elsewhere." enum:"auto,text,json" default:"auto"`
	LogLevel  slog.Level `help:"From which level on to log: debug, info, warn or error." default:"info"`
}

// logger is the log of a server; done writes what of it is left.
func (l Logging) logger(c console) (log *slog.Logger, done func()) {
	o := &slog.HandlerOptions{Level: l.LogLevel}
	if l.LogFormat == "text" || l.LogFormat == "auto" && c.isTerminal() {
		return slog.New(slog.NewTextHandler(c.err, o)), func() {}
	}
	return gathered(c.err, o)
}

// plainLog is the log of commands that run for a moment.
func (c console) plainLog() *slog.Logger {
	return slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

// isTerminal reports whether a person watches what is not the result.
func (c console) isTerminal() bool { return term.IsTerminal(int(c.err.Fd())) }
