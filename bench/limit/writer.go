package limit

import (
	"errors"

	sqlite3 "github.com/ncruces/go-sqlite3"
)

// writer owns the one connection that writes.
type writer struct {
	conn  *conn
	group bool
	queue chan *creation
	ended chan struct{}
}

// maxGroup is how many creates may wait, and share a commit, as in
// engine/sqlite.
const maxGroup = 128

func openWriter(path string, group bool) (*writer, error) {
	c, err := open(path, sqlite3.OPEN_READWRITE, writePragmas)
	if err != nil {
		return nil, err
	}
	w := &writer{conn: c, group: group, queue: make(chan *creation, maxGroup), ended: make(chan struct{})}
	go w.loop()
	return w, nil
}

// write returns when the member is durable.
func (w *writer) write(c *creation) error {
	w.queue <- c
	return <-c.done
}

// close ends the writer; nobody writes any more.
func (w *writer) close() error {
	close(w.queue)
	<-w.ended
	return w.conn.close()
}

func (w *writer) loop() {
	defer close(w.ended)
	batch := make([]*creation, 0, maxGroup)
	for first := range w.queue {
		batch = append(batch[:0], first)
		for w.group && len(batch) < maxGroup {
			select {
			case next, open := <-w.queue:
				if open {
					batch = append(batch, next)
					continue
				}
			default:
			}
			break
		}
		w.serve(batch)
	}
}

// serve makes the members of a batch in one transaction.
func (w *writer) serve(batch []*creation) {
	err := w.conn.exec(beginWrite)
	made := batch[:0]
	for _, c := range batch {
		if err != nil {
			c.done <- err
			continue
		}
		switch refused := c.insert(w.conn); {
		case refused == nil:
			made = append(made, c)
		case errors.Is(refused, errTaken), errors.Is(refused, errToken):
			c.done <- refused // nothing of it was written
		default:
			c.done <- refused
			err = refused // what was written of it must not stay
		}
	}
	if err == nil {
		err = w.conn.exec(commit)
	}
	if err != nil {
		_ = w.conn.exec(rollback) // the first error says more
	}
	for _, c := range made {
		c.done <- err
	}
}
