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
	engine   *postgres.Engine
	db       *session.DB
}

func newCluster(t *testing.T, settings ...string) *cluster {
	t.Helper()
	c := &cluster{t: t, primary: postgrestest.Start(t, settings...)}
	for i := range c.replicas {
		c.replicas[i] = c.primary.Replica()
	}
	c.engine = open(t, postgres.Options{
		Primary: c.primary.URL(), Replicas: []string{c.replicas[0].URL(), c.replicas[1].URL()},
	})
	c.db = session.New(c.engine)
	c.write(t.Context(), query.Exec(`create table note (id bigint primary key)`))
	return c
}

// write makes the changes and returns the position after them.
func (c *cluster) write(ctx context.Context, changes ...query.Change) session.Position {
	c.t.Helper()
	ctx, cost := session.Track(ctx, "")
	if err := c.db.Write(ctx, func(w *session.Write) error { w.Add(changes...); return nil }); err != nil {
		c.t.Fatal(err)
	}
	return cost.Total().Position
}

// read counts the notes after the position, and returns the node that answered.
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

// TestReplicas has faults happen to one cluster, one after the other.
func TestReplicas(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *cluster)
	}{
		{"reads never go back", testNeverBack},
		{"positions of another history are refused", testForeignPositions},
		{"reads wait for replicas that lag, then pass them by", testLag},
		{"replicas that lag too much answer nobody", testMaxLag},
		{"a change of rights waits for the replicas", testAwaitReplicas},
		{"reads that block the replay run again", testBlockedReplay},
		{"replicas that hang, die and return cost no request", testHangDieReturn},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := *c
			c.t = t
			c.catchUp(c.write(t.Context(), query.Exec(`delete from note`)))
			test.run(t, &c)
		})
	}
}

func testNeverBack(t *testing.T, c *cluster) {
	var after session.Position
	for i := range 200 { // each read may be on either replica
		after = c.write(t.Context(), note(i))
		if n, node, err := c.read(after); err != nil || n != i+1 {
			t.Fatalf("after note %d: %d notes from %q, %v", i, n, node, err)
		}
	}
	c.catchUp(after)
	c.wantRead("", 200, "replica")
}

func testLag(t *testing.T, c *cluster) {
	after := c.write(t.Context(), note(1))
	c.catchUp(after)
	c.wantRead(after, 1, "replica")
	for _, r := range c.replicas {
		r.HoldReplay(t)
	}
	defer c.replicas[0].ResumeReplay(t)
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

// testMaxLag reads without a position, on an engine with a short MaxLag.
func testMaxLag(t *testing.T, c *cluster) {
	strict := *c
	strict.engine = open(t, postgres.Options{
		Primary: c.primary.URL(), Replicas: []string{c.replicas[0].URL(), c.replicas[1].URL()}, MaxLag: 300 * time.Millisecond,
	})
	strict.db = session.New(strict.engine)
	for _, r := range c.replicas {
		r.HoldReplay(t)
		defer r.ResumeReplay(t)
	}
	c.write(t.Context(), note(1))
	for node := ""; node != "primary, replicas behind"; { // bounded by the test's time
		var err error
		if _, node, err = strict.read(""); err != nil {
			t.Fatal(err)
		}
	}
	strict.wantRead("", 1, "primary, replicas behind")
	for _, r := range c.replicas {
		r.ResumeReplay(t)
	}
	for node := ""; !strings.HasPrefix(node, "replica"); { // as above
		var err error
		if _, node, err = strict.read(""); err != nil {
			t.Fatal(err)
		}
	}
}

func testHangDieReturn(t *testing.T, c *cluster) {
	after := c.write(t.Context(), note(1))
	c.catchUp(after)
	c.wantRead(after, 1, "replica")
	steps := []struct {
		name    string
		fault   func()
		node    int
		healthy bool
	}{{"hang", c.replicas[0].Pause, 1, false}, {"die", c.replicas[1].Kill, 2, false}, {"resume", c.replicas[0].Resume, 1, true}, {"return", c.replicas[1].Run, 2, true}}
	for _, step := range steps {
		step.fault()
		begin, noticed := time.Now(), make(chan time.Duration, 1)
		go func() {
			for c.engine.Nodes()[step.node].Healthy != step.healthy {
				time.Sleep(time.Millisecond)
			}
			noticed <- time.Since(begin)
		}()
		for range 50 {
			start := time.Now()
			n, node, err := c.read(after)
			if err != nil || n != 1 {
				t.Fatalf("%s: %d notes from %q, %v", step.name, n, node, err)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("%s: a read took %v", step.name, took)
			}
		}
		took := <-noticed
		if t.Logf("%s: noticed after %v", step.name, took); took > 2*time.Second { // twice the promise, on a busy machine
			t.Errorf("%s: it was noticed after %v", step.name, took)
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
	late := c.write(t.Context(), note(2)) // received by the replicas, but not shown yet
	for _, r := range c.replicas {
		r.Receive(t, c.primary)
	}
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
			t.Errorf("a position from before the failover: %d notes from %q, %v", n, node, err)
		}
	}
}

// catchUp waits until both replicas show all that was written, and the engine
// knows that they do.
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

func testForeignPositions(t *testing.T, c *cluster) {
	c.write(t.Context(), note(1))
	for name, position := range map[string]session.Position{
		"foreign": "9/1", "future": "1/ffffffff", "no position": "abc", "nothing": "/",
	} {
		if _, node, err := c.read(position); !errors.Is(err, session.ErrPosition) {
			t.Errorf("%s: got %v from %q, want %v", name, err, node, session.ErrPosition)
		}
	}
}

func TestLostWrites(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	kept := c.write(t.Context(), note(1))
	c.catchUp(kept)
	for _, r := range c.replicas {
		r.Kill()
	}
	lost := c.write(t.Context(), note(2)) // only on the primary
	patient := open(t, postgres.Options{Primary: c.primary.URL(), Replicas: []string{c.replicas[0].URL(), c.replicas[1].URL()}, MaxLag: time.Minute})
	awaited := make(chan error)
	go func() { awaited <- patient.AwaitReplicas(t.Context(), lost) }()
	c.primary.Kill()
	for _, r := range c.replicas {
		r.Run()
	}
	c.replicas[0].Promote()
	c.replicas[1].Follow(c.replicas[0])
	add := func(id int) error {
		return c.db.Write(t.Context(), func(w *session.Write) error { w.Add(note(id)); return nil })
	}
	soon(t, "a primary answers again", func() bool { return add(3) == nil })
	for id := range 50 { // beyond the place of the lost write
		if err := add(10 + id); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string) {
		t.Helper()
		if n, node, err := c.read(lost); !errors.Is(err, session.ErrPosition) {
			t.Errorf("%s: after the lost write: %d notes on %q, %v; want %v", when, n, node, err, session.ErrPosition)
		}
		if _, node, err := c.read(kept); err != nil || node == "primary" {
			t.Errorf("%s: after the kept write: %q, %v", when, node, err)
		}
	}
	check("after the failover")
	if err := <-awaited; !errors.Is(err, session.ErrPosition) {
		t.Errorf("waiting for what was lost: %v, want %v", err, session.ErrPosition)
	}
	c.primary.Run()
	soon(t, "the former primary is healthy", func() bool { return c.engine.Nodes()[0].Healthy })
	check("with the former primary back")
	ctx, cost := session.Track(t.Context(), "")
	err := c.db.Write(ctx, func(w *session.Write) error { w.Add(note(4)); return nil })
	if node := cost.Total().Node; err != nil || node != "replica 1" {
		t.Errorf("a write went to %q, %v", node, err)
	}
	c.replicas[0].Kill()
	soon(t, "the primary is down", func() bool { return !c.engine.Nodes()[1].Healthy })
	if err := add(5); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("a write with only the former primary: %v, want %v", err, session.ErrUnavailable)
	}
}

func testBlockedReplay(t *testing.T, c *cluster) {
	after := c.write(t.Context(), note(1))
	c.catchUp(after)
	for _, r := range c.replicas {
		r.Exec(t, "alter system set max_standby_streaming_delay = 0")
		r.Exec(t, "select pg_reload_conf()")
	}
	for _, wait := range []string{"0", "0.1"} { // it is idle, or in a query, when the replica cancels it
		runs := 0
		count := number(`select count(*) from note, pg_sleep(cast($1 as float8))`, wait)
		err := c.db.Read(t.Context(), func(r *session.Read) (err error) {
			if _, err = session.Run(t.Context(), r, count); runs == 0 {
				c.write(t.Context(), query.Exec(`alter table note add column note_`+strings.ReplaceAll(wait, ".", "_")+` text`)) // locks out readers
			}
			if runs++; runs > 1 {
				return err
			}
			soon(t, "the replica has cancelled it", func() bool {
				_, err = session.Run(t.Context(), r, count)
				return err != nil
			})
			return err
		})
		if err != nil || runs != 2 {
			t.Errorf("the session ran %d times: %v", runs, err)
		}
	}
}
