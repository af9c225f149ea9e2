package session

import "context"

// Node is a server of the database, as its last probe found it.
type Node struct {
	Name     string  `json:"name" example:"replica 1" doc:"The server, in the order of the command line; Server-Timing names it too."`
	Role     string  `json:"role" enum:"primary,replica,embedded,unknown" doc:"The role that the server has now."`
	Healthy  bool    `json:"healthy" doc:"Whether the server answers."`
	Lag      float64 `json:"lag_seconds" minimum:"0" doc:"The age of the newest change that the server shows, in seconds; 0 if it shows every change."`
	Timeline int64   `json:"timeline,omitzero" minimum:"1" doc:"The server's timeline. A failover starts a new one."`
	Pool     Pool    `json:"pool" doc:"The connections to the server."`
	Problem  string  `json:"-"` // why it is not healthy, for the person who runs the server
}

// Pool is the connections of this process to a node.
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

// History is what positions belong to. Implementations are safe for concurrent
// use.
type History interface {
	// System identifies the history. A position of another history does not open.
	System() string
	// Holds returns [ErrPosition] for a position that is not part of the history.
	// It decides from what it knows and asks no server.
	Holds(p Position) error
	// AwaitReplicas waits until no node answers from before p.
	AwaitReplicas(ctx context.Context, p Position) error
}
