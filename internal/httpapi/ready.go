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

// Node is a server of the database, as it was last seen.
type Node struct {
	Name     string  `json:"name" example:"replica 1" doc:"Which one it is, in the order of the command line; Server-Timing names it too."`
	Role     string  `json:"role" enum:"primary,replica,embedded,unknown" doc:"What it does at present."`
	Healthy  bool    `json:"healthy" doc:"Whether it answers."`
	Lag      float64 `json:"lag_seconds" minimum:"0" doc:"How old the newest change is that it shows, if it does not show all."`
	Timeline int64   `json:"timeline,omitzero" minimum:"1" doc:"How many times the cluster had another primary, and one."`
	Pool     Pool    `json:"pool" doc:"The connections to it."`
}

// Pool says how many connections are in use, of how many there may be.
type Pool struct {
	InUse int `json:"in_use" minimum:"0" doc:"How many are in use."`
	Size  int `json:"size" minimum:"0" doc:"How many there may be."`
}

// The roles of nodes.
const (
	RolePrimary  = "primary"
	RoleReplica  = "replica"
	RoleEmbedded = "embedded"
	RoleUnknown  = "unknown" // it does not answer
)

// Readiness is what /readyz answers.
type Readiness struct {
	Status string `json:"status" enum:"ready" doc:"How it is."`
	Nodes  []Node `json:"nodes" doc:"The servers of the database."`
}

var errDraining = errors.New("the server is stopping")

// readyWithin is how long the database may take to answer /readyz.
const readyWithin = 2 * time.Second

// readyz says whether requests are welcome: some node answers a read, and the
// server is not stopping.
func (a *API) readyz(w http.ResponseWriter, r *http.Request) error {
	nodes := []Node{}
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
