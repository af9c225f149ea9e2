package operator

import (
	"sync"

	"github.com/musterhq/muster/internal/ids"
)

// Owners remembers whose the tokens are that were seen to be good. That never
// changes, so that a write can be recorded in the operator's name in the same
// round trip in which the token is looked at. It says nothing of whether a token
// is still good, and guards nothing. The zero value is ready; it is safe for
// concurrent use.
type Owners struct {
	mu sync.RWMutex
	of map[[32]byte]Owner
}

// Owner is whose a token is.
type Owner struct {
	Token    ids.Row
	Operator ids.Operator
}

// maxOwners bounds what is remembered; it is forgotten all at once then.
const maxOwners = 10_000

// Of gives the owner of a token that was seen.
func (o *Owners) Of(s Secret) (Owner, bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	owner, known := o.of[[32]byte(s.Hash())]
	return owner, known
}

// Note remembers whose the token is.
func (o *Owners) Note(s Secret, c Caller) {
	if _, known := o.Of(s); known {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.of == nil || len(o.of) == maxOwners {
		o.of = make(map[[32]byte]Owner)
	}
	o.of[[32]byte(s.Hash())] = Owner{c.Token, c.Operator}
}
