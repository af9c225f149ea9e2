package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/csvfile"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/progress"
	"github.com/musterhq/muster/session"
)

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Look whether the record is as it was written."`
	Head   auditHeadCmd   `cmd:"" help:"Print where the chain of the record ends, to be kept elsewhere."`
	Export auditExportCmd `cmd:"" help:"Write the record as JSON lines or CSV."`
}

type auditVerifyCmd struct {
	Store
	Keyring
	Format
	Pin    []audit.Head `help:"A head that was kept, through which the chain must go. Can be given several times." placeholder:"SEQ:MAC"`
	Accept bool         `help:"Do not compare with the head that the server has kept in the data folder, and keep that of now, if nothing else is wrong: after a backup was restored."`
}

// Help is shown below the flags.
func (auditVerifyCmd) Help() string {
	return `It computes every mac of the record anew and walks the chain from its beginning, all at one moment: an entry that was edited, removed, inserted or swapped is found. That the end was cut off shows by a head that was kept: by --pin, or by the server, in audit-head in the data folder. It changes nothing, works beside a running server, and exits with 1 when something is wrong.

Examples:

    muster audit verify
    muster audit verify --pin "$(cat /mnt/elsewhere/head)" --json | jq .findings`
}

// verified is what the command tells.
type verified struct {
	OK   bool        `json:"ok"`
	Kept *audit.Head `json:"kept"` // that the server has kept, if it was compared
	audit.Report

	file string
}

// Run verifies the record.
func (v auditVerifyCmd) Run(ctx context.Context, c console) error {
	file := headFile{path: folder(v.Data).auditHead()}
	found := verified{file: file.path}
	pins := v.Pin
	if !v.Accept {
		kept, err := file.read() // before the moment that is verified
		if err != nil {
			return err
		}
		if !kept.IsZero() {
			found.Kept, pins = &kept, append(pins, kept)
		}
	}
	return v.with(ctx, opening{whole: true}, func(s *store) (err error) {
		if found.Report, err = v.verify(ctx, c, s, pins); err != nil {
			return err
		}
		found.OK = found.Found == 0
		write := found.write
		if v.JSON {
			write = func(w io.Writer) error { return writeJSON(w, found) }
		}
		if err := write(c.out); err != nil {
			return err
		}
		if !found.OK {
			return errFound
		}
		if v.Accept {
			return file.write(found.Head)
		}
		return nil
	})
}

func (v auditVerifyCmd) verify(ctx context.Context, c console, s *store, pins []audit.Head) (audit.Report, error) {
	auditLog, err := s.readingLedger(ctx, v.keys(folder(v.Data)), c)
	if err != nil {
		return audit.Report{}, err
	}
	bar := progress.New(c.err, progress.Things)
	defer bar.Close()
	return auditLog.Verify(ctx, s.db, audit.VerifyOptions{Pins: pins, Progress: func(done, all int64) { bar.Set(done, all, "verifying the record") }})
}

// readingLedger opens the record to verify it, and makes no key. Whether its keys
// fit is for the report to say.
func (s *store) readingLedger(ctx context.Context, path string, c console) (*audit.Log, error) {
	if _, err := os.Lstat(auditKey(path)); !errors.Is(err, fs.ErrNotExist) {
		secrets, err := readKey(auditKey(path), c.plainLog())
		if err != nil {
			return nil, err
		}
		return audit.NewLog(secrets)
	}
	switch begun, err := s.begunWithout(ctx, auditKey(path)); {
	case err != nil:
		return nil, err
	case begun:
		return nil, missingAuditKey(auditKey(path))
	}
	secret := make([]byte, keyBytes) // there is nothing to verify with it
	_, _ = rand.Read(secret)         // never fails: crypto/rand ends the program instead
	return audit.NewLog([][]byte{secret})
}

// write tells a person.
func (v *verified) write(w io.Writer) error {
	for _, f := range v.Findings {
		fmt.Fprintln(w, f)
	}
	if more := v.Found - int64(len(v.Findings)); more > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
	for _, f := range v.Findings {
		if v.Kept != nil && f.Pin.Equal(*v.Kept) {
			fmt.Fprintf(w, "\nThe head %s was kept by the server, in %s. If you have restored a backup that is older, this is why: make sure of it, and run\nmuster audit verify --accept\nonce. If you have not, entries of the record are gone: look for them in a backup.\n\n", v.Kept, v.file)
			break
		}
	}
	verdict := "The record is as it was written"
	if !v.OK {
		verdict = fmt.Sprintf("The record is not as it was written: %d findings", v.Found)
	}
	_, err := fmt.Fprintf(w, "%s; %d entries, %d in the chain, %d waiting for it. Head: %s\n", verdict, v.Entries, v.Sealed, v.Waiting, v.Head)
	return err
}

type auditHeadCmd struct {
	Store
	Format
}

// Help is shown below the flags.
func (auditHeadCmd) Help() string {
	return `Who keeps it where those who can change the database cannot, can tell later that nothing before it was cut off. What was recorded in the last second may not be in the chain yet.

Example:

    muster audit head >> /mnt/elsewhere/heads`
}

// Run prints the head.
func (h auditHeadCmd) Run(ctx context.Context, c console) error {
	return h.with(ctx, opening{}, func(s *store) error {
		var head audit.Head
		err := s.db.Read(ctx, func(r *session.Read) (err error) {
			head, err = session.Run(ctx, r, audit.LastHead())
			return err
		}, session.Once)
		if err != nil {
			return fmt.Errorf("reading the head of the record: %w", err)
		}
		if !h.JSON {
			_, err = fmt.Fprintln(c.out, head)
			return err
		}
		return writeJSON(c.out, struct {
			Head audit.Head `json:"head"`
			Seq  int64      `json:"seq"`
			MAC  string     `json:"mac"`
		}{head, head.Seq, hex.EncodeToString(head.MAC)})
	})
}

type auditExportCmd struct {
	Store
	As       string  `help:"How to write: jsonl has one JSON object for each entry, csv one row." name:"format" enum:"jsonl,csv" default:"jsonl"`
	Out      string  `help:"The file to write, in place of the standard output. Nobody but its owner may read it." placeholder:"FILE"`
	Operator string  `help:"Only what this operator did." placeholder:"ID|NAME"`
	Member   string  `help:"Only what was done to this member." placeholder:"ID"`
	Action   string  `help:"Only this, such as member.change." placeholder:"ACTION"`
	Since    instant `help:"Only from this day (UTC) or time on." placeholder:"TIME"`
	Until    instant `help:"Only before this day (UTC) or time." placeholder:"TIME"`
}

// Help is shown below the flags.
func (auditExportCmd) Help() string {
	return `The entries, the oldest first, as they were at one moment. In CSV, a cell that a spreadsheet may take for a formula has an apostrophe before it. It works beside a running server.

Examples:

    muster audit export --format csv --since 2026-01-01 --until 2026-02-01 --out january.csv
    muster audit export --operator "Kim Bada" --action phone.reveal | jq -r .reason`
}

// instant is a moment, or nil.
type instant struct{ *time.Time }

// UnmarshalText reads a day or a time.
func (i *instant) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return nil // a variable that is there, and empty
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, string(text)); err == nil {
			i.Time = &t
			return nil
		}
	}
	return fmt.Errorf("%q is no day or time: write 2026-01-31 or 2026-01-31T15:04:05Z", text)
}

// Run exports the record.
func (e auditExportCmd) Run(ctx context.Context, c console) error {
	filter := audit.Filter{Action: audit.Action(e.Action), From: e.Since.Time, To: e.Until.Time}
	if e.Member != "" {
		var err error
		if filter.Member, err = ids.Parse[ids.Member](e.Member); err != nil {
			return &exit{exitUsage, fmt.Errorf("--member: %w", err)}
		}
	}
	return e.with(ctx, opening{whole: true}, func(s *store) (err error) {
		if filter.Operator, err = s.operatorOf(ctx, e.Operator); err != nil {
			return err
		}
		write := func(w io.Writer) error { return e.write(ctx, c, s, filter, w) }
		if e.Out == "" {
			return write(c.out)
		}
		return replaceFile(e.Out, write)
	})
}

// operatorOf finds an operator by its id or its name; zero if none is named.
func (s *store) operatorOf(ctx context.Context, text string) (id ids.Operator, err error) {
	if text == "" {
		return id, nil
	}
	if id, err = ids.Parse[ids.Operator](text); err == nil {
		return id, nil
	}
	var o operator.Operator
	err = s.db.Read(ctx, func(r *session.Read) (err error) {
		o, err = session.Run(ctx, r, operator.ByName(text))
		return err
	}, session.Once)
	if errors.Is(err, operator.ErrNoOperator) {
		err = &exit{exitUsage, fmt.Errorf("--operator: there is no operator %q; its id is taken, too", text)}
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
	err := s.db.Read(ctx, func(r *session.Read) error {
		_, err := session.Run(ctx, r, audit.Each(f, func(entry audit.Entry) error {
			if done++; done%1000 == 0 {
				bar.Set(done, 0, strconv.FormatInt(done, 10)+" entries")
			}
			return encode(&entry)
		}))
		return err
	}, session.Once)
	if err == nil {
		err = errors.Join(flush(), to.Flush())
	}
	if err != nil {
		return fmt.Errorf("exporting the record: %w", err)
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

// text is a cell of what may be absent.
func text[T any](v *T) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(*v)
}
