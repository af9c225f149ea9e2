package limit

import (
	"errors"
	"net/http"
)

// Server answers the requests that are measured. It is safe for concurrent use.
type Server struct {
	*front
	readers pool
	writer  *writer
}

// New opens the database.
func New(o Options) (*Server, error) {
	front, err := newFront(o)
	if err != nil {
		return nil, err
	}
	readers, err := openPool(o.Path)
	if err != nil {
		return nil, err
	}
	w, err := openWriter(o.Path, o.Group)
	if err != nil {
		return nil, errors.Join(err, readers.close())
	}
	s := &Server{front: front, readers: readers, writer: w}
	s.mux.HandleFunc("GET /api/v1/admin/members/{user_id}", s.detail)
	s.mux.HandleFunc("GET /api/v1/admin/members", s.list)
	s.mux.HandleFunc("POST /api/v1/admin/members", s.create)
	s.mux.HandleFunc("GET /api/v1/admin/dashboard", s.dashboard)
	return s, nil
}

// Close waits for what is written and closes the database.
func (s *Server) Close() error { return errors.Join(s.writer.close(), s.readers.close()) }

// create makes a member and answers with it, from what it was told.
func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	c := &creation{hash: bearer(r), now: s.Clock().UTC(), front: s.front, done: make(chan error, 1)}
	err := c.read(r, s.front)
	if err == nil {
		err = s.writer.write(c)
	}
	if err != nil {
		answer(w, 0, nil, err)
		return
	}
	c.answer(w)
}
