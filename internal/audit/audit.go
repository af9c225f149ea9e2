package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/fault"
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

const macBytes = sha256.Size

// Head is the end of the chain. Whoever keeps one can check later that the chain
// still contains it. The zero Head is that of an empty chain.
type Head struct {
	Seq int64
	MAC []byte
}

// ErrHead is the fault for a text that is not a head.
var ErrHead = fault.New(fault.Invalid, "invalid_head", "A head has the form SEQ:MAC, as printed by muster audit head: a number, a colon and 64 hexadecimal digits.")

// ParseHead parses the text form of a head. Faults: invalid_head.
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

// String returns the head as seq:hex.
func (h Head) String() string { return strconv.FormatInt(h.Seq, 10) + ":" + hex.EncodeToString(h.MAC) }

// MarshalText returns the same.
func (h Head) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText parses it. Faults: invalid_head.
func (h *Head) UnmarshalText(text []byte) (err error) {
	*h, err = ParseHead(string(text))
	return err
}

// IsZero reports whether this is the head of an empty chain.
func (h Head) IsZero() bool { return h.Seq == 0 && len(h.MAC) == 0 }

// Equal reports whether both are the same place in the same chain.
func (h Head) Equal(other Head) bool { return h.Seq == other.Seq && bytes.Equal(h.MAC, other.MAC) }

// Kind is what is wrong with a part of the audit log.
type Kind string

// The kinds of findings.
const (
	EditedEntry   Kind = "edited_entry"   // the entry is not what was written
	RemovedEntry  Kind = "removed_entry"  // a sealed or waiting entry is missing
	InsertedEntry Kind = "inserted_entry" // Muster did not write the entry, or it was taken out of the queue
	RemovedSeal   Kind = "removed_seal"   // the chain has a gap
	WrongSeal     Kind = "wrong_seal"     // the seal does not match the one before it, or its entry
	UnknownKey    Kind = "unknown_key"    // the key is missing, or the entry names a wrong one
	Truncated     Kind = "truncated"      // the chain ends before a pinned head
	Replaced      Kind = "replaced"       // the chain has something else in place of a pinned head
)

var meanings = map[Kind]string{
	EditedEntry:   "Muster did not write this entry as it is now: one of its columns was changed",
	RemovedEntry:  "the entry was in the audit log and is missing",
	InsertedEntry: "the entry is neither sealed nor waiting to be: it was inserted by hand, or removed from the chain",
	RemovedSeal:   "a part of the chain is missing",
	WrongSeal:     "the seal does not match the seal before it, or its entry: seals or entries were swapped, removed or changed",
	UnknownKey:    "cannot be verified: its key is not in keys/audit. Put the key back, below the others",
	Truncated:     "the chain ends before this head: its end was cut off, or an older backup was restored",
	Replaced:      "the chain has something else in place of this head: it was rewritten, or continued from an older backup",
}

// Meaning returns an explanation for people.
func (k Kind) Meaning() string { return meanings[k] }

// Finding is one thing that is wrong with the audit log.
type Finding struct {
	Kind  Kind    `json:"kind"`
	Seq   int64   `json:"seq,omitzero"`      // in the chain
	Until int64   `json:"until,omitzero"`    // the last of several missing seals
	Entry ids.Row `json:"entry_id,omitzero"` // zero: none, or its id is not valid
	Pin   Head    `json:"pin,omitzero"`      // the pinned head that the chain does not contain
}

// String returns the finding in one line.
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
