package rest

import (
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Readiness is the answer of /readyz.
type Readiness struct {
	Status string         `json:"status" enum:"ready" doc:"The state of the server."`
	Nodes  []session.Node `json:"nodes" doc:"The servers of the database."`
}

var errDraining = errors.New("the server is stopping")

// readyTimeout is how long the database may take to answer /readyz.
const readyTimeout = 2 * time.Second

// readyz reports whether the server accepts requests: a node answers a read, and
// the server is not stopping.
func (h *Handler) readyz(x *Exchange) error {
	nodes := []session.Node{}
	if h.nodes != nil {
		nodes = h.nodes()
	}
	if h.draining.Load() {
		return errBusy.Because(errDraining).With(nodes)
	}
	ctx, cancel := context.WithTimeout(x.ctx, readyTimeout)
	defer cancel()
	err := h.db.Read(ctx, func(s *session.Read) error {
		_, err := session.Run(ctx, s, query.Scalar[int]("select 1"))
		return err
	}, session.Once)
	if err != nil {
		return errBusy.Because(err).With(nodes)
	}
	body, err := json.Marshal(Readiness{"ready", nodes})
	if err != nil {
		return err
	}
	return x.sendJSON(body)
}
