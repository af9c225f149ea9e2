package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/engine/postgres"
	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// wire counts how often the direction changes on the connections of sessions:
// something is sent, and then something is received.
type wire struct {
	mu    sync.Mutex
	conns []*wiredConn
}

type wiredConn struct {
	net.Conn
	wire   *wire
	sent   bool // and nothing received since
	turns  int
	probes bool // it is not a session's
}

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	wired := &wiredConn{Conn: c, wire: w}
	w.conns = append(w.conns, wired)
	return wired, nil
}

func (c *wiredConn) Write(b []byte) (int, error) {
	c.wire.mu.Lock()
	c.sent = true
	c.probes = c.probes || bytes.Contains(b, []byte("pg_control_system"))
	c.wire.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *wiredConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	if c.sent && n > 0 {
		c.sent = false
		c.turns++
	}
	return n, err
}

// NetConn lets the engine check the connection below, as it does with TLS.
func (c *wiredConn) NetConn() net.Conn { return c.Conn }

// turns returns their number, without those of probes.
func (w *wire) turns() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		if !c.probes {
			n += c.turns
		}
	}
	return n
}

func testWire(t *testing.T, server *postgrestest.Server) {
	var w wire
	e, err := postgres.OpenDialling(t.Context(), postgres.Options{Primary: server.Database(t), Readers: 1, Writers: 1}, w.dial)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	db := session.New(e)
	write(t, db, query.Exec(`create table note (id bigint primary key, n bigint not null default 0)`))
	write(t, db, note(0))
	ctx, cost := session.Track(t.Context(), "")
	count, add := number(`select count(*) from note`), query.Exec(`update note set n = n + 1 where id = 0`)
	if err := db.Write(ctx, func(w *session.Write) error { w.Add(add); return nil }); err != nil {
		t.Fatal(err)
	}
	here := cost.Total().Position
	read := func(ctx context.Context) error {
		return db.Read(ctx, func(r *session.Read) error {
			return r.Gather(ctx, query.Into(new(int), count), query.Into(new(int), number(`select 1`)), query.Into(new(int), count))
		}, session.Once)
	}
	change := func(ctx context.Context, c query.Change) error {
		return db.Write(ctx, func(w *session.Write) error { w.Add(c, c); return nil })
	}
	cases := []struct {
		name  string
		after session.Position
		idle  time.Duration
		turns int
		run   func(context.Context) error
	}{
		{name: "a read", turns: 1, run: read},
		{name: "a read with a position", turns: 1, after: here, run: read},
		{name: "a read after a pause", turns: 1, idle: 1200 * time.Millisecond, run: read}, // the pool would have pinged the server
		{name: "a write", turns: 1, run: func(ctx context.Context) error { return change(ctx, add) }},
		{name: "a write that is checked", turns: 2, run: func(ctx context.Context) error { return change(ctx, add.Else(errors.New("gone"))) }},
		{name: "a write that reads", turns: 2, run: func(ctx context.Context) error {
			return db.Write(ctx, func(w *session.Write) error {
				_, err := session.Run(ctx, w, count)
				w.Add(add)
				return err
			})
		}},
		{name: "a write that reads what it wrote", turns: 2, run: func(ctx context.Context) error {
			return db.Write(ctx, func(w *session.Write) error {
				w.Add(add)
				_, err := session.Run(ctx, w, count)
				return err
			})
		}},
	}
	for _, c := range cases {
		ctx, _ := session.Track(t.Context(), c.after)
		if err := c.run(ctx); err != nil { // prepares the texts
			t.Fatalf("%s: %v", c.name, err)
		}
		time.Sleep(c.idle)
		ctx, cost := session.Track(t.Context(), c.after)
		before := w.turns()
		if err := c.run(ctx); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got, booked := w.turns()-before, cost.Total().RoundTrips; got != c.turns || booked != c.turns {
			t.Errorf("%s: %d round trips on the wire, %d booked, want %d", c.name, got, booked, c.turns)
		}
	}
}
