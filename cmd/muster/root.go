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

// asRoot opens the store and its audit log, creates the first administrator if
// there is none, and calls fn.
func (a AuditedStore) asRoot(ctx context.Context, c console, o openOptions, fn func(rootStore) error) error {
	return a.with(ctx, o, func(s *store) error {
		l, err := s.auditLog(ctx, a.Keyring, dataDir(a.Data), false, c.plainLog())
		if err != nil {
			return err
		}
		root := s.root(l, commandLine())
		if err := root.ensureAdministrator(ctx); err != nil {
			return err
		}
		return fn(root)
	})
}

// root returns the store with every permission; source is on whose behalf the
// audit log says it acts.
func (s *store) root(l *audit.Log, source string) rootStore {
	return rootStore{s, operator.Principal{Caller: operator.Root(), Recorder: l.Recorder(audit.Actor{Source: source}), At: time.Now()}}
}

// commandLine names the account that runs the command, if the system knows it.
func commandLine() string {
	if u, err := user.Current(); err == nil {
		return "command line, " + u.Username
	}
	return "command line"
}

// ensureAdministrator creates the first administrator in a store without
// operators.
func (s rootStore) ensureAdministrator(ctx context.Context) error {
	if err := s.db.Write(ctx, func(w *session.Write) error { return operator.EnsureAdministrator(ctx, w, s.Principal) }); err != nil {
		return fmt.Errorf("creating the first administrator: %w", err)
	}
	return nil
}
