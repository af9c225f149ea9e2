package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/engine/postgres"
	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// cluster is a primary with two replicas, and a database that writes notes.
type cluster struct {
	t        *testing.T
	primary  *postgrestest.Server
	replicas [2]*postgrestest.Server
	db       *session.DB
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, primary: postgrestest.Start(t)}
	for i := range c.replicas {
		c.replicas[i] = c.primary.Replica()
	}
	c.db = session.New(open(t, postgres.Options{
		Primary: c.primary.URL(), Replicas: []string{c.replicas[0].URL(), c.replicas[1].URL()},
	}))
	c.write(t.Context(), query.Exec(`create table note (id bigint primary key)`))
	return c
}

// write writes and gives the position after it.
func (c *cluster) write(ctx context.Context, changes ...query.Change) session.Position {
	c.t.Helper()
	ctx, cost := session.Track(ctx, "")
	if err := c.db.Write(ctx, func(w *session.Write) error { w.Add(changes...); return nil }); err != nil {
		c.t.Fatal(err)
	}
	return cost.Total().Position
}

// read counts the notes as they were after the position, and says where.
func (c *cluster) read(after session.Position) (n int, node string, err error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	ctx, cost := session.Track(ctx, after)
	err = c.db.Read(ctx, func(r *session.Read) (err error) {
		n, err = session.Run(ctx, r, query.Scalar[int](`select count(*) from note`))
		return err
	}, session.Once)
	return n, cost.Total().Node, err
}

func note(id int) query.Change { return query.Exec(`insert into note (id) values ($1)`, id) }

func (c *cluster) wantRead(after session.Position, want int, node string) {
	c.t.Helper()
	n, got, err := c.read(after)
	if err != nil || n != want || !strings.HasPrefix(got, node) {
		c.t.Errorf("got %d notes from %q, %v; want %d from %q", n, got, err, want, node)
	}
}

func TestReadsNeverGoBack(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for i := range 200 { // each read may be on either replica
		after := c.write(t.Context(), note(i))
		if n, node, err := c.read(after); err != nil || n != i+1 {
			t.Fatalf("after note %d: %d notes from %q, %v", i, n, node, err)
		}
	}
	c.wantRead("", 200, "replica")
}

func TestReplicasThatLagAreWaitedForThenPassedBy(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	after := c.write(t.Context(), note(1))
	c.catchUp(after)
	c.wantRead(after, 1, "replica")
	for _, r := range c.replicas {
		r.HoldReplay(t)
	}
	late := c.write(t.Context(), note(2))
	c.wantRead(after, 1, "replica")
	c.wantRead(late, 2, "primary, replicas behind")
	c.replicas[1].ResumeReplay(t)
	for node := ""; !strings.HasPrefix(node, "replica 2"); { // bounded by the test's time
		var err error
		if _, node, err = c.read(late); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReplicasThatHangDieAndReturnCostNoRequest(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	after := c.write(t.Context(), note(1))
	c.catchUp(after)
	c.wantRead(after, 1, "replica")
	steps := []struct {
		name  string
		fault func()
	}{{"hang", c.replicas[0].Pause}, {"die", c.replicas[1].Kill}, {"resume", c.replicas[0].Resume}, {"return", c.replicas[1].Run}}
	for _, step := range steps {
		step.fault()
		for range 50 {
			start := time.Now()
			n, node, err := c.read(after)
			if err != nil || n != 1 {
				t.Fatalf("%s: %d notes from %q, %v", step.name, n, node, err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("%s: a read took %v", step.name, took)
			}
		}
	}
}

func TestAnotherPrimaryIsFound(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	kept := c.write(t.Context(), note(1))
	c.catchUp(kept)
	c.wantRead(kept, 1, "replica")
	for _, r := range c.replicas {
		r.HoldReplay(t)
	}
	late := c.write(t.Context(), note(2)) // received by the replicas, and not yet shown
	c.primary.Kill()

	c.wantRead(kept, 1, "replica")
	err := c.db.Write(t.Context(), func(w *session.Write) error { w.Add(note(3)); return nil })
	if !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("writing without a primary: %v, want %v", err, session.ErrUnavailable)
	}
	for _, r := range c.replicas {
		r.ResumeReplay(t)
	}
	c.replicas[0].Promote()
	c.replicas[1].Follow(c.replicas[0])
	for {
		ctx, cost := session.Track(t.Context(), "")
		err := c.db.Write(ctx, func(w *session.Write) error { w.Add(note(4)); return nil })
		if err == nil {
			if n, _, err := c.read(cost.Total().Position); err != nil || n < 2 {
				t.Errorf("after the failover: %d notes, %v", n, err)
			}
			break
		}
		if !errors.Is(err, session.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	for _, position := range []session.Position{kept, late} {
		if n, node, err := c.read(position); err != nil || n != 3 {
			t.Errorf("a position of before the failover: %d notes from %q, %v", n, node, err)
		}
	}
}

// catchUp waits until both replicas show all that was written, and the engine
// has seen that they do.
func (c *cluster) catchUp(after session.Position) {
	c.t.Helper()
	for _, r := range c.replicas {
		r.CatchUp(c.t, c.primary)
	}
	for node := ""; !strings.HasPrefix(node, "replica"); { // bounded by the test's time
		var err error
		if _, node, err = c.read(after); err != nil {
			c.t.Fatal(err)
		}
	}
}

func TestPositionsOfAnotherHistoryAreRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.write(t.Context(), note(1))
	for name, position := range map[string]session.Position{
		"foreign": "9/1", "future": "1/ffffffff", "no position": "abc", "nothing": "/",
	} {
		if _, node, err := c.read(position); !errors.Is(err, session.ErrPosition) {
			t.Errorf("%s: got %v from %q, want %v", name, err, node, session.ErrPosition)
		}
	}
}
