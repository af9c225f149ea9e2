package audit

import (
	"encoding/json"
	"time"

	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
)

// Action says what was done, as noun.verb: "member.create". The constants live
// with the rooms that record them.
type Action string

// Actor is who acts, and from where.
type Actor struct {
	Operator ids.Operator // zero: the command line, or Muster itself
	Token    ids.Row      // zero: none
	Source   string       // the caller's address, or "command line"
	Request  string       // the request ID, or empty
	Reason   string       // empty if none was required
}

// Event is what to log. Was and Became are the fields that changed, by their
// dotted names, as values that JSON has; they may be empty. Values that most
// operators see masked are masked here.
type Event struct {
	Action      Action
	Member      ids.Member // zero: none
	Target      string     // what else was changed: an operator's id, a role's name
	Was, Became map[string]any
}

// Entry is an event in the audit log.
type Entry struct {
	ID         ids.Row         `json:"id" doc:"The id. Ids sort by time of creation." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	At         time.Time       `json:"at" doc:"The time of the action." example:"2026-01-31T09:00:00.123456Z" readOnly:"true"`
	OperatorID *ids.Operator   `json:"operator_id" doc:"The operator who acted; null for the command line and for Muster itself." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	Operator   *string         `json:"operator" db:"-" doc:"The current name of the operator." example:"Kim Minji" readOnly:"true"`
	TokenID    *ids.Row        `json:"token_id" doc:"The token that was used." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	Source     string          `json:"source" doc:"Where the request came from: an address, or the command line." example:"192.0.2.7" readOnly:"true"`
	RequestID  *string         `json:"request_id" doc:"The request ID." example:"0190a5c67d2e7b318f602f1c5d0e9a47" readOnly:"true"`
	Action     Action          `json:"action" doc:"The action." example:"member.change" readOnly:"true"`
	MemberID   *ids.Member     `json:"member_id" doc:"The member concerned." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	Target     *string         `json:"target" doc:"What else the action concerned: an operator, a role or a document." readOnly:"true"`
	Reason     *string         `json:"reason" doc:"The reason, for actions that require one." example:"the member asked to be called back" readOnly:"true"`
	Was        json.RawMessage `json:"was" db:"-" doc:"The changed fields with their previous values; phones are masked." readOnly:"true"`
	Became     json.RawMessage `json:"became" db:"-" doc:"The changed fields with their new values; phones are masked." readOnly:"true"`
	Seq        *int64          `json:"seq" db:"-" doc:"The position in the chain; null until the entry is sealed, within a second." readOnly:"true"`
}

var entries = field.For[Entry]()

// Filter selects entries. An entry must match every field that is not zero.
type Filter struct {
	Operator ids.Operator
	Member   ids.Member
	Action   Action
	From     *time.Time // inclusive
	To       *time.Time // exclusive
}

// Page is a part of the audit log, the newest entry first. It may be short, or
// empty, and still have a next page: the number of entries that one query
// examines is bounded.
type Page struct {
	Items []Entry
	Next  *ids.Row // the entry after which the next page starts; nil on the last
}

// Sizes of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)
