package audit

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
)

// Action says what was done, as noun.verb: "member.create". The constants live
// with the rooms that record them.
type Action string

// Actor is on whose behalf something is done, and from where.
type Actor struct {
	Operator ids.Operator // zero: the command line, or Muster itself
	Token    ids.Row      // zero: none
	Source   string       // the caller's address, or "command line"
	Request  string       // the number of the request, or empty
	Reason   string       // empty if none was asked
}

// Event is what is recorded. Was and Became are the fields that changed, by
// their dotted names, as values that JSON has; without any they are null. What
// is masked for most is masked here.
type Event struct {
	Action      Action
	Member      ids.Member // zero: none
	Target      string     // what else it was done to: an operator's id, a role's name
	Was, Became map[string]any
}

// Entry is an event as it is on the record.
type Entry struct {
	ID         ids.Row         `json:"id" doc:"The id. Ids sort by time of creation." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	At         time.Time       `json:"at" doc:"The time of the action." example:"2026-01-31T09:00:00.123456Z" readOnly:"true"`
	OperatorID *ids.Operator   `json:"operator_id" doc:"The operator who acted; null for the command line and for Muster itself." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	Operator   *string         `json:"operator" db:"o.name" doc:"The current name of the operator." example:"Kim Minji" readOnly:"true"`
	TokenID    *ids.Row        `json:"token_id" doc:"The token that was used." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	Source     string          `json:"source" doc:"Where the request came from: an address, or the command line." example:"192.0.2.7" readOnly:"true"`
	RequestID  *string         `json:"request_id" doc:"The request ID." example:"0190a5c67d2e7b318f602f1c5d0e9a47" readOnly:"true"`
	Action     Action          `json:"action" doc:"The action." example:"member.change" readOnly:"true"`
	MemberID   *ids.Member     `json:"member_id" doc:"The member concerned." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	Target     *string         `json:"target" doc:"What else the action concerned: an operator, a role or a document." readOnly:"true"`
	Reason     *string         `json:"reason" doc:"The reason, for actions that require one." example:"the member asked to be called back" readOnly:"true"`
	Was        json.RawMessage `json:"was" doc:"The changed fields with their previous values; phones are masked." readOnly:"true"`
	Became     json.RawMessage `json:"became" doc:"The changed fields with their new values; phones are masked." readOnly:"true"`
	Seq        *int64          `json:"seq" db:"s.seq" doc:"The position in the chain; null until the entry is sealed, within a second." readOnly:"true"`
}

// Filter narrows the record. Every zero field lets all pass; the others must all
// hold.
type Filter struct {
	Operator ids.Operator
	Member   ids.Member
	Action   Action
	From     *time.Time // inclusive
	To       *time.Time // exclusive
}

// Page is a part of the record, the newest first. It may have fewer entries than
// asked for, or none, although there is a next one: how many are looked at is
// bounded.
type Page struct {
	Items []Entry
	Next  *ids.Row // the entry after which the next page starts; nil on the last
}

// Sizes of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// Head is where the chain ends: who has kept one can tell later whether the
// chain still goes through it. The zero Head is that of an empty chain.
type Head struct {
	Seq int64
	MAC []byte
}

// ErrHead is the fault for a text that is no head.
var ErrHead = fault.New(fault.Invalid, "invalid_head", "A head is SEQ:MAC, as muster audit head prints it: a number, a colon and 64 hexadecimal digits.")

// ParseHead reads what String gives. Faults: invalid_head.
func ParseHead(text string) (Head, error) {
	number, digits, _ := strings.Cut(strings.TrimSpace(text), ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	mac, errMAC := hex.DecodeString(digits)
	switch {
	case err != nil || errMAC != nil || seq < 0:
		return Head{}, ErrHead
	case seq == 0 && len(mac) == 0:
		return Head{}, nil
	case seq == 0 || len(mac) != macBytes:
		return Head{}, ErrHead
	}
	return Head{seq, mac}, nil
}

// String gives "seq:hex".
func (h Head) String() string { return strconv.FormatInt(h.Seq, 10) + ":" + hex.EncodeToString(h.MAC) }

// MarshalText gives the same.
func (h Head) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads it. Faults: invalid_head.
func (h *Head) UnmarshalText(text []byte) (err error) {
	*h, err = ParseHead(string(text))
	return err
}

// IsZero reports whether it is the head of an empty chain.
func (h Head) IsZero() bool { return h.Seq == 0 && len(h.MAC) == 0 }

// Equal reports whether the two are one place in one chain.
func (h Head) Equal(other Head) bool { return h.Seq == other.Seq && bytes.Equal(h.MAC, other.MAC) }

// Kind says what is wrong with a part of the record.
type Kind string

// What can be wrong.
const (
	EditedEntry   Kind = "edited_entry"   // it is not what was written
	RemovedEntry  Kind = "removed_entry"  // it is sealed or waits, and is not there
	InsertedEntry Kind = "inserted_entry" // it is there, and Muster did not write it or had it taken out of the queue
	RemovedSeal   Kind = "removed_seal"   // the chain has a gap
	WrongSeal     Kind = "wrong_seal"     // it does not fit what is before it, or its entry
	UnknownKey    Kind = "unknown_key"    // it was made with a key that is not here, or says so
	Truncated     Kind = "truncated"      // the chain ends before a head that was kept
	Replaced      Kind = "replaced"       // the chain goes past a head that was kept, and not through it
)

var meanings = map[Kind]string{
	EditedEntry:   "the entry is not what Muster wrote: one of its columns was changed",
	RemovedEntry:  "the entry was on the record and is gone",
	InsertedEntry: "the entry is in the table and not on the record: it was put there by hand, or was taken off the record",
	RemovedSeal:   "a part of the chain is gone",
	WrongSeal:     "the seal does not fit what is before it or its entry: seals or entries were swapped, removed, or changed",
	UnknownKey:    "made with a key that is not in keys/audit, so that nothing can be said of it: put the key back, below the others",
	Truncated:     "the chain ends before this head: its end was cut off, or an older backup was restored",
	Replaced:      "the chain has something else in the place of this head: it was written anew, or goes on from an older backup",
}

// Meaning says to a person what it means.
func (k Kind) Meaning() string { return meanings[k] }

// Finding is one thing that is wrong.
type Finding struct {
	Kind  Kind    `json:"kind"`
	Seq   int64   `json:"seq,omitzero"`      // in the chain
	Until int64   `json:"until,omitzero"`    // of several seals that are gone, the last
	Entry ids.Row `json:"entry_id,omitzero"` // zero: none, or its id is no id
	Pin   Head    `json:"pin,omitzero"`      // that the chain does not go through
}

// String says it in a line.
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(string(f.Kind))
	switch {
	case f.Until != 0:
		fmt.Fprintf(&b, " seals %d to %d", f.Seq, f.Until)
	case f.Seq != 0:
		fmt.Fprintf(&b, " seal %d", f.Seq)
	}
	if !f.Entry.IsZero() {
		fmt.Fprintf(&b, " entry %s", f.Entry)
	}
	return b.String() + ": " + f.Kind.Meaning()
}
