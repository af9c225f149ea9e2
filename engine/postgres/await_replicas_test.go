package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/engine/postgres"
	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/session"
)

// another opens another Muster server on the same cluster.
func (c *cluster) another(maxLag time.Duration) *cluster {
	c.t.Helper()
	other := *c
	other.engine = open(c.t, postgres.Options{
		Primary: c.primary.URL(), Replicas: []string{c.replicas[0].URL(), c.replicas[1].URL()}, MaxLag: maxLag,
	})
	other.db = session.New(other.engine)
	return &other
}

// wantSeen reads many times, for callers who have seen less, and wants all notes
// each time.
func (c *cluster) wantSeen(when string, want int, positions ...session.Position) {
	c.t.Helper()
	for i := range 50 {
		after := positions[i%len(positions)]
		if n, node, err := c.read(after); err != nil || n != want {
			c.t.Fatalf("%s: got %d notes from %q after %q, %v; want %d", when, n, node, after, err, want)
		}
	}
}

func testAwaitReplicas(t *testing.T, c *cluster) {
	const maxLag = time.Second
	here, there := c.another(maxLag), c.another(maxLag)
	old := c.write(t.Context(), note(1))
	c.catchUp(old)
	time.Sleep(maxLag / 2) // what is written right after the others' first probe counts as just as old
	start := time.Now()
	if err := c.engine.AwaitReplicas(t.Context(), old); err != nil || time.Since(start) > postgres.Defaults().MaxLag {
		t.Errorf("healthy replicas took %v, %v", time.Since(start), err)
	}

	c.replicas[0].HoldReplay(t)
	defer c.replicas[0].ResumeReplay(t)
	p := c.write(t.Context(), note(2))
	soon(t, "the held replica has answered", func() bool {
		n, node, err := there.read(old)
		if err != nil {
			t.Fatal(err)
		}
		if n == 2 && !strings.HasPrefix(node, "replica 2") {
			t.Fatalf("%q answered: the held replica was left out too early for the test", node)
		}
		return n == 1
	})
	ctx, cancel := context.WithTimeout(t.Context(), maxLag/2)
	defer cancel()
	if err := here.engine.AwaitReplicas(ctx, p); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller who does not wait: %v, want %v", err, context.DeadlineExceeded)
	}
	start = time.Now()
	err := here.engine.AwaitReplicas(t.Context(), p)
	if took := time.Since(start); err != nil || took < maxLag {
		t.Errorf("a held replica took %v, %v; want at least %v", took, err, maxLag)
	}
	there.wantSeen("afterwards", 2, "", old)
	here.wantSeen("afterwards", 2, "", old)
	c.another(maxLag).wantSeen("on a server that was just started", 2, "", old)

	c.primary.Pause()
	defer c.primary.Resume()
	soon(t, "the primary is down", func() bool { return !there.engine.Nodes()[0].Healthy })
	there.wantSeen("without a primary", 2, "", old)
	start = time.Now()
	if err := here.engine.AwaitReplicas(t.Context(), p); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("without a primary: %v after %v, want %v", err, time.Since(start), session.ErrUnavailable)
	}
	c.primary.Resume()
	soon(t, "the primary is back", func() bool { return there.engine.Nodes()[0].Healthy })
	there.wantSeen("with the primary back", 2, "", old)

	c.replicas[0].ResumeReplay(t)
	if err := c.engine.AwaitReplicas(t.Context(), p); err != nil {
		t.Error(err)
	}
	soon(t, "the replica answers again", func() bool {
		n, node, err := there.read("")
		return err == nil && n == 2 && strings.HasPrefix(node, "replica 1")
	})
	for name, p := range map[string]session.Position{"foreign": "9/1", "no position": "abc"} {
		if err := c.engine.AwaitReplicas(t.Context(), p); !errors.Is(err, session.ErrPosition) {
			t.Errorf("%s: got %v, want %v", name, err, session.ErrPosition)
		}
	}
}

// TestAwaitReplicasWithoutReplicas asks no server.
func TestAwaitReplicasWithoutReplicas(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	e := open(t, postgres.Options{Primary: server.URL()})
	server.Kill()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, p := range []session.Position{"", "1/ffffff"} {
		if err := e.AwaitReplicas(ctx, p); err != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
}
