package main

import (
	"context"
	"fmt"
	"os/user"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/session"
)

// AuditedStore are the flags of commands whose changes are in the audit log.
type AuditedStore struct {
	Store
	Keyring
}

// rootStore is an open store in the hands of a command that has every permission,
// and whose changes are in the audit log.
type rootStore struct {
	*store
	operator.Principal
}

// asRoot opens the store and its audit log, and calls fn.
func (a AuditedStore) asRoot(ctx context.Context, c console, o openOptions, fn func(rootStore) error) error {
	return a.with(ctx, o, func(s *store) error {
		l, err := s.auditLog(ctx, a.Keyring, dataDir(a.Data), false, c.plainLog())
		if err != nil {
			return err
		}
		root, err := s.root(ctx, l, commandLine())
		if err != nil {
			return err
		}
		return fn(root)
	})
}

// A change is what a command writes. It returns its result for programs and for
// people.
type change func(w *session.Write, root operator.Principal) (result any, text string, err error)

// change makes the change and prints its result. It returns when no server of the
// database honours rights that were taken away.
func (a AuditedStore) change(ctx context.Context, c console, f Format, o openOptions, fn change) error {
	return a.asRoot(ctx, c, o, func(s rootStore) error {
		var result any
		var text string
		tracked, cost := session.Track(ctx, "")
		err := s.db.Write(tracked, func(w *session.Write) (err error) {
			result, text, err = fn(w, s.Principal)
			return err
		})
		if err != nil {
			return err
		}
		if h := s.engine.history(); h != nil {
			if err := h.AwaitReplicas(tracked, cost.Total().Position); err != nil {
				return fmt.Errorf("it is done, but a server of the database may not know it yet; run the command again to be sure: %w", err)
			}
		}
		return f.print(c, result, text)
	})
}

// root returns the store with every permission; source is on whose behalf the
// audit log says it acts. A store without operators has a first administrator
// then.
func (s *store) root(ctx context.Context, l *audit.Log, source string) (rootStore, error) {
	root := operator.Principal{Caller: operator.Root(), Recorder: l.Recorder(audit.Actor{Source: source}), At: time.Now()}
	err := s.db.Write(ctx, func(w *session.Write) error { return operator.EnsureAdministrator(ctx, w, root) })
	if err != nil {
		return rootStore{}, fmt.Errorf("creating the first administrator: %w", err)
	}
	return rootStore{s, root}, nil
}

// commandLine names the account that runs the command, if the system knows it.
func commandLine() string {
	if u, err := user.Current(); err == nil {
		return "command line, " + u.Username
	}
	return "command line"
}
