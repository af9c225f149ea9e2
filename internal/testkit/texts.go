package testkit

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// TextsVariable names a folder in which the stores of [Open] record every text
// that they run: quoted, a line for each, and once for a process.
const TextsVariable = "MUSTER_TEST_TEXTS"

// noted returns the engine, which records its texts if [TextsVariable] is set.
func noted(t testing.TB, e session.Engine) session.Engine {
	t.Helper()
	folder := os.Getenv(TextsVariable)
	if folder == "" {
		return e
	}
	opened.Do(func() {
		file, err := os.Create(filepath.Join(folder, strconv.Itoa(os.Getpid())))
		if err != nil {
			t.Fatal(err)
		}
		notes.file = file // open until the process ends
	})
	return notingEngine{e}
}

var (
	opened sync.Once
	notes  notebook
)

// notebook records texts.
type notebook struct {
	mu   sync.Mutex
	seen map[string]bool
	file *os.File
}

func (n *notebook) add(plans ...*query.Plan) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range plans {
		for _, s := range p.Steps {
			if n.seen[s.SQL] {
				continue
			}
			if n.seen == nil {
				n.seen = make(map[string]bool)
			}
			n.seen[s.SQL] = true
			if _, err := n.file.WriteString(strconv.Quote(s.SQL) + "\n"); err != nil {
				return err
			}
		}
	}
	return nil
}

type notingEngine struct{ session.Engine }

// Snapshot implements [session.Engine].
func (e notingEngine) Snapshot(ctx context.Context, o session.SnapshotOptions) (session.Snapshot, error) {
	s, err := e.Engine.Snapshot(ctx, o)
	if err != nil {
		return nil, err
	}
	return notingSnapshot{s}, nil
}

// Transaction implements [session.Engine].
func (e notingEngine) Transaction(ctx context.Context) (session.Transaction, error) {
	tx, err := e.Engine.Transaction(ctx)
	if err != nil {
		return nil, err
	}
	return notingTransaction{tx}, nil
}

type notingSnapshot struct{ session.Snapshot }

// Gather implements [session.Snapshot].
func (s notingSnapshot) Gather(ctx context.Context, p *query.Plan) error {
	if err := notes.add(p); err != nil {
		return err
	}
	return s.Snapshot.Gather(ctx, p)
}

type notingTransaction struct{ session.Transaction }

// Gather implements [session.Transaction].
func (t notingTransaction) Gather(ctx context.Context, p *query.Plan) error {
	if err := notes.add(p); err != nil {
		return err
	}
	return t.Transaction.Gather(ctx, p)
}

// Commit implements [session.Transaction].
func (t notingTransaction) Commit(ctx context.Context, p *query.Plan) (session.Position, error) {
	if err := notes.add(p); err != nil {
		return "", err
	}
	return t.Transaction.Commit(ctx, p)
}
