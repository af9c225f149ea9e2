package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/musterhq/muster/session"
)

// Open connects to the servers and checks that they are one cluster that can
// serve. It succeeds if a replica does not answer, but not without a primary. A
// problem of one server is a [ServerError].
func Open(ctx context.Context, o Options) (*Engine, error) {
	e, err := assemble(ctx, o)
	if err != nil {
		return nil, err
	}
	e.probeAll(ctx)
	if err := e.check(); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	for _, n := range e.nodes {
		n.system = e.system
	}
	watching, stop := context.WithCancel(context.Background())
	e.stop = stop
	for _, n := range e.nodes {
		e.working.Go(func() { n.watch(watching) })
	}
	return e, nil
}

// Probe probes each server once and opens no engine: it returns an answer without a
// primary, too. A node's pool is the connections of all Muster programs: those
// in use, and all.
func Probe(ctx context.Context, o Options) ([]session.Node, error) {
	e, err := assemble(ctx, o)
	if err != nil {
		return nil, err
	}
	e.probeAll(ctx)
	list := e.Nodes()
	var wg sync.WaitGroup
	for i, n := range e.nodes {
		if list[i].Pool = (session.Pool{}); list[i].Healthy {
			wg.Go(func() { list[i].Pool.InUse, list[i].Pool.Size = n.connections(ctx) })
		}
	}
	wg.Wait()
	return list, e.Close()
}

// assemble makes the engine's nodes and connects to none.
func assemble(ctx context.Context, o Options) (*Engine, error) {
	e := &Engine{options: o.withDefaults(), stop: func() {}}
	e.close = sync.OnceValue(e.shut)
	for i, url := range append([]string{o.Primary}, o.Replicas...) {
		name := "primary"
		if i > 0 {
			name = "replica " + strconv.Itoa(i)
		}
		n := newNode(name, e.options, &e.probed)
		if err := n.openPools(ctx, url); err != nil {
			return nil, errors.Join(&ServerError{name, i, err}, e.Close())
		}
		e.nodes = append(e.nodes, n)
	}
	return e, nil
}

// probeAll probes every node for the first time, all at once.
func (e *Engine) probeAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, firstProbeTimeout)
	defer cancel()
	var wg sync.WaitGroup
	for _, n := range e.nodes {
		wg.Go(func() {
			number := n.startProbe()
			n.finishProbe(number, n.probeFirst(ctx))
		})
	}
	wg.Wait()
}

// check returns what is wrong with the servers as a whole.
func (e *Engine) check() error {
	var writing string
	for i, n := range e.nodes {
		h := n.health()
		wrong := func(format string, args ...any) error { return &ServerError{n.name, i, fmt.Errorf(format, args...)} }
		switch {
		case !h.healthy && errors.Is(h.err, session.ErrUnavailable):
			continue
		case !h.healthy:
			return &ServerError{n.name, i, h.err}
		case e.system != "" && e.system != h.system:
			return wrong("it belongs to another cluster than the servers before it: name one that follows the same primary")
		case !h.recovering && writing != "":
			return wrong("it is not a replica but takes writes, as the %s does: name one that follows it, or leave this one out", writing)
		case !h.recovering && h.asyncCommit:
			return wrong("synchronous_commit is off, so a confirmed commit could be lost. Turn it on: alter role %s set synchronous_commit = on", n.config.User)
		case !h.recovering:
			writing = n.name
		}
		e.system = h.system
	}
	if writing != "" {
		return nil
	}
	first := e.nodes[0]
	if h := first.health(); h.err != nil {
		return &ServerError{first.name, 0, h.err}
	}
	return &ServerError{first.name, 0, fmt.Errorf("%w: it is a replica, and so is every other: name the primary that they follow", session.ErrUnavailable)}
}
