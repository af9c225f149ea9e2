package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Readiness is what /readyz answers.
type Readiness struct {
	Status string         `json:"status" enum:"ready" doc:"How it is."`
	Nodes  []session.Node `json:"nodes" doc:"The servers of the database."`
}

var errDraining = errors.New("the server is stopping")

// readyWithin is how long the database may take to answer /readyz.
const readyWithin = 2 * time.Second

// readyz says whether requests are welcome: some node answers a read, and the
// server is not stopping.
func (a *API) readyz(w http.ResponseWriter, r *http.Request) error {
	nodes := []session.Node{}
	if a.nodes != nil {
		nodes = a.nodes()
	}
	if a.draining.Load() {
		return errBusy.Because(errDraining).With(nodes)
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	err := a.db.Read(ctx, func(s *session.Read) error {
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
	w.(*exchange).send(http.StatusOK, jsonType, body) //nolint:forcetypeassert // the mux is inside ServeHTTP
	return nil
}
