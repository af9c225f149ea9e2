package operator

import (
	"sync"

	"github.com/musterhq/muster/internal/ids"
)

// TokenCache caches which operator each valid token belongs to. That never
// changes, so a write can be logged in the operator's name in the round trip
// that checks the token. The cache does not say whether a token is still valid,
// and guards nothing. The zero value is ready; it is safe for concurrent use.
type TokenCache struct {
	mu     sync.RWMutex
	owners map[[32]byte]Owner
}

// Owner is the token of a secret and the operator it belongs to.
type Owner struct {
	Token    ids.Row
	Operator ids.Operator
}

// maxCached bounds the cache, which is emptied when it is full.
const maxCached = 10_000

// Owner returns the owner of a token, if it is cached.
func (c *TokenCache) Owner(s Secret) (owner Owner, cached bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	owner, cached = c.owners[[32]byte(s.Hash())]
	return owner, cached
}

// Add caches the owner of a token that was valid for the caller.
func (c *TokenCache) Add(s Secret, caller Caller) {
	if _, cached := c.Owner(s); cached {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owners == nil || len(c.owners) == maxCached {
		c.owners = make(map[[32]byte]Owner)
	}
	c.owners[[32]byte(s.Hash())] = Owner{caller.Token, caller.Operator}
}
