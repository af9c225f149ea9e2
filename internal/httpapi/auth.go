package httpapi

import (
	"net/http"
	"strings"

	"github.com/musterhq/muster/internal/operator"
)

// bearer gives the token of a request (RFC 6750, section 2.1). Whether it is
// good is for the store to say, in the snapshot of the operation itself: a
// token that was revoked, by another process too, opens nothing from then on.
// Faults: missing_token, invalid_token.
func bearer(h http.Header) (operator.Secret, error) {
	lines := h["Authorization"]
	if len(lines) == 0 {
		return operator.Secret{}, operator.ErrMissing
	}
	kind, text, _ := strings.Cut(lines[0], " ")
	if len(lines) > 1 || !strings.EqualFold(kind, "Bearer") {
		return operator.Secret{}, operator.ErrInvalid
	}
	return operator.ParseSecret(strings.TrimSpace(text))
}
