package audit

import (
	"fmt"
	"strings"

	"github.com/musterhq/muster/internal/ids"
)

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
