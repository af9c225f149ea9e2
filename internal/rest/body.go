package rest

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/musterhq/muster/internal/fault"
)

// maxBody bounds a body, in bytes.
const maxBody = 1 << 20

// Media types.
const (
	TypeJSON    = "application/json"
	TypePatch   = "application/merge-patch+json"
	TypeProblem = "application/problem+json"
)

var (
	errTooLarge   = fault.New(fault.TooLarge, "body_too_large", "A body may have at most %d bytes.", maxBody)
	errAcceptable = &Failure{
		Fault:  fault.New(fault.Invalid, "not_acceptable", "The response is application/json, which the Accept header excludes."),
		Status: http.StatusNotAcceptable,
	}
)

func errMediaType(accepted string) error {
	return &Failure{
		Fault:  fault.New(fault.Invalid, "media_type_not_supported", "Send the body as %s in UTF-8, without a Content-Encoding.", accepted),
		Status: http.StatusUnsupportedMediaType, Header: "Accept", Value: accepted,
	}
}

// readBody reads the whole body of a request, which must be of an accepted type.
func readBody(w http.ResponseWriter, r *http.Request, accepted ...string) ([]byte, error) {
	if err := checkType(r.Header, accepted); err != nil {
		return nil, err
	}
	if r.ContentLength > maxBody {
		return nil, errTooLarge
	}
	var buf bytes.Buffer
	if r.ContentLength > 0 {
		buf.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody))
	switch tooLarge := (*http.MaxBytesError)(nil); {
	case errors.As(err, &tooLarge):
		return nil, errTooLarge
	case err != nil:
		return nil, malformed("body_incomplete", "The body ended before it was complete.").because(err)
	}
	return buf.Bytes(), nil
}

func checkType(h http.Header, accepted []string) error {
	given := h.Get("Content-Type")
	if given != accepted[0] { // what nearly all clients send needs no parsing
		t, parameters, err := mime.ParseMediaType(given)
		if charset := parameters["charset"]; err != nil || !slices.Contains(accepted, t) || charset != "" && !strings.EqualFold(charset, "utf-8") {
			return errMediaType(strings.Join(accepted, ", "))
		}
	}
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return errMediaType(strings.Join(accepted, ", "))
	}
	return nil
}

// acceptsJSON reports whether the caller accepts JSON.
func acceptsJSON(h http.Header) bool {
	lines := h["Accept"]
	if len(lines) == 0 || lines[0] == "*/*" || lines[0] == TypeJSON {
		return true
	}
	for part := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		kind, parameters, _ := strings.Cut(strings.TrimSpace(part), ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "", "*/*", "application/*", TypeJSON:
			if !excluded(parameters) {
				return true
			}
		}
	}
	return false
}

// excluded reports whether the parameters of an Accept header say q=0.
func excluded(parameters string) bool {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(name, "q") {
			return strings.Trim(value, "0.") == ""
		}
	}
	return false
}
