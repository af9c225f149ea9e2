package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/atomicfile"
	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/csvfile"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/progress"
)

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Verify that the audit log is as Muster wrote it."`
	Head   auditHeadCmd   `cmd:"" help:"Print the head of the audit log, to keep it elsewhere."`
	Export auditExportCmd `cmd:"" help:"Export the audit log as JSON lines or CSV."`
}

type auditVerifyCmd struct {
	Store
	Keyring
	Format
	Pin    []audit.Head `help:"A head kept earlier, which the chain must contain. Repeat the flag for several." placeholder:"SEQ:MAC"`
	Accept bool         `help:"After restoring a backup: ignore the head that the server kept in the data directory and, if nothing else is wrong, keep the present one."`
}

// verified is the result of the command.
type verified struct {
	OK   bool        `json:"ok"`
	Kept *audit.Head `json:"kept"` // by the server, if it was compared
	audit.Report

	file string
}

func (v auditVerifyCmd) Run(ctx context.Context, c console) error {
	file := audit.HeadFile{Path: dataDir(v.Data).auditHead()}
	found := verified{file: file.Path}
	pins := v.Pin
	if !v.Accept {
		kept, err := file.Read() // before the moment that is verified
		if err != nil {
			return explain(v.Data, err)
		}
		if !kept.IsZero() {
			found.Kept, pins = &kept, append(pins, kept)
		}
	}
	return v.with(ctx, openOptions{scan: true}, func(s *store) (err error) {
		if found.Report, err = v.verify(ctx, c, s, pins); err != nil {
			return err
		}
		found.OK = found.Found == 0
		if err := v.print(c, found, found.text()); err != nil {
			return err
		}
		if !found.OK {
			return errFound
		}
		if v.Accept {
			return explain(v.Data, file.Write(found.Head))
		}
		return nil
	})
}

func (v auditVerifyCmd) verify(ctx context.Context, c console, s *store, pins []audit.Head) (audit.Report, error) {
	l, err := s.readAuditLog(ctx, v.path(dataDir(v.Data), "audit"), c.plainLog())
	if err != nil {
		return audit.Report{}, err
	}
	bar := progress.New(c.err, progress.Things)
	defer bar.Close()
	return l.Verify(ctx, s.db, audit.VerifyOptions{Pins: pins, Progress: func(done, all int64) { bar.Set(done, all, "verifying the audit log") }})
}

func (v *verified) text() string {
	var text strings.Builder
	for _, f := range v.Findings {
		fmt.Fprintln(&text, f)
	}
	if more := v.Found - int64(len(v.Findings)); more > 0 {
		fmt.Fprintf(&text, "and %d more\n", more)
	}
	for _, f := range v.Findings {
		if v.Kept != nil && f.Pin.Equal(*v.Kept) {
			fmt.Fprintf(&text, "\nThe server kept the head %s in %s. If you restored an older backup, that is the reason: make sure of it, then run once:\nmuster audit verify --accept\nIf you did not, entries of the audit log are gone: look for them in a backup.\n\n", v.Kept, v.file)
			break
		}
	}
	verdict := "The audit log is as Muster wrote it"
	if !v.OK {
		verdict = fmt.Sprintf("The audit log is not as Muster wrote it: %d findings", v.Found)
	}
	fmt.Fprintf(&text, "%s; %d entries, %d in the chain, %d waiting to be sealed. Head: %s\n", verdict, v.Entries, v.Sealed, v.Waiting, v.Head)
	return text.String()
}

type auditHeadCmd struct {
	Store
	Format
}

func (h auditHeadCmd) Run(ctx context.Context, c console) error {
	return h.with(ctx, openOptions{}, func(s *store) error {
		head, err := ask(ctx, s.db, audit.LastHead())
		if err != nil {
			return fmt.Errorf("reading the head of the audit log: %w", err)
		}
		result := struct {
			Head audit.Head `json:"head"`
			Seq  int64      `json:"seq"`
			MAC  string     `json:"mac"`
		}{head, head.Seq, hex.EncodeToString(head.MAC)}
		return h.print(c, result, fmt.Sprintln(head))
	})
}

type auditExportCmd struct {
	Store
	As       string  `help:"The format: jsonl writes a JSON object for each entry, csv a row." name:"format" enum:"jsonl,csv" default:"jsonl"`
	Out      string  `help:"Write to this file, which only its owner can read, instead of standard output." placeholder:"FILE"`
	Operator string  `help:"Only entries of this operator." placeholder:"ID|NAME"`
	Member   string  `help:"Only entries about this member." placeholder:"ID"`
	Action   string  `help:"Only entries of this action, such as member.change." placeholder:"ACTION"`
	Since    instant `help:"Only entries from this day (UTC) or time on." placeholder:"TIME"`
	Until    instant `help:"Only entries before this day (UTC) or time." placeholder:"TIME"`
}

func (e auditExportCmd) Run(ctx context.Context, c console) error {
	filter := audit.Filter{Action: audit.Action(e.Action), From: e.Since.at, To: e.Until.at}
	if e.Member != "" {
		var err error
		if filter.Member, err = ids.Parse[ids.Member](e.Member); err != nil {
			return usage("--member: %w", err)
		}
	}
	return e.with(ctx, openOptions{scan: true}, func(s *store) (err error) {
		if filter.Operator, err = s.operatorOf(ctx, e.Operator); err != nil {
			return err
		}
		write := func(w io.Writer) error { return e.write(ctx, c, s, filter, w) }
		if e.Out == "" {
			return write(c.out)
		}
		return e.replace(write)
	})
}

// replace writes the file of --out, or leaves the one that exists as it is.
func (e auditExportCmd) replace(write func(io.Writer) error) error {
	var failed error // to write, not to replace
	err := atomicfile.Replace(e.Out, func(w io.Writer) error {
		failed = write(w)
		return failed
	})
	if err != nil && failed == nil {
		return unusable("--out: %w", err)
	}
	return err
}

// operatorOf returns the ID of the operator with that ID or name; zero if the
// text is empty.
func (s *store) operatorOf(ctx context.Context, text string) (id ids.Operator, err error) {
	if text == "" {
		return id, nil
	}
	if id, err = ids.Parse[ids.Operator](text); err == nil {
		return id, nil
	}
	o, err := ask(ctx, s.db, operator.ByName(text))
	if errors.Is(err, operator.ErrNoOperator) {
		err = usage("--operator: there is no operator %q: give the name or the ID of one", text)
	}
	return o.ID, err
}

func (e auditExportCmd) write(ctx context.Context, c console, s *store, f audit.Filter, w io.Writer) error {
	to := bufio.NewWriterSize(w, 256<<10)
	encode, flush := jsonLines(to)
	if e.As == "csv" {
		var err error
		if encode, flush, err = auditRows(to); err != nil {
			return err
		}
	}
	bar := progress.New(c.err, progress.Things)
	defer bar.Close()
	var done int64
	_, err := ask(ctx, s.db, audit.Each(f, func(entry audit.Entry) error {
		if done++; done%1000 == 0 {
			bar.Set(done, 0, strconv.FormatInt(done, 10)+" entries")
		}
		return encode(&entry)
	}))
	if err == nil {
		err = errors.Join(flush(), to.Flush())
	}
	if err != nil {
		return fmt.Errorf("exporting the audit log: %w", err)
	}
	return nil
}

func jsonLines(w io.Writer) (encode func(*audit.Entry) error, flush func() error) {
	to := json.NewEncoder(w)
	to.SetEscapeHTML(false)
	return func(e *audit.Entry) error { return to.Encode(e) }, func() error { return nil }
}

func auditRows(w io.Writer) (encode func(*audit.Entry) error, flush func() error, err error) {
	to := csvfile.NewWriter(w, ',')
	err = to.Write([]string{
		"id", "at", "operator_id", "operator", "token_id", "source", "request_id", "action", "member_id", "target", "reason", "was", "became", "seq",
	})
	return func(e *audit.Entry) error {
		return to.Write([]string{
			e.ID.String(), e.At.Format(time.RFC3339Nano), text(e.OperatorID), text(e.Operator), text(e.TokenID), e.Source, text(e.RequestID),
			string(e.Action), text(e.MemberID), text(e.Target), text(e.Reason), string(e.Was), string(e.Became), text(e.Seq),
		})
	}, to.Flush, err
}

// text is the cell of an optional value.
func text[T any](v *T) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(*v)
}
