package fault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/fault"
)

var errInternal = errors.New("the socket is on fire")

func TestFaultIsFoundAgain(t *testing.T) {
	t.Parallel()
	declared := fault.New(fault.Conflict, "phone_taken", "Another member has this phone.")
	err := fmt.Errorf("creating: %w", declared.Because(errInternal).With(1))
	if !errors.Is(err, declared) || !errors.Is(err, errInternal) {
		t.Errorf("%v lost its fault or its cause", err)
	}
	if got := fault.As(err); got == nil || got.Detail != 1 || strings.Contains(got.Error(), "socket") {
		t.Errorf("got %+v", got)
	}
	if declared.Unwrap() != nil || declared.Detail != nil {
		t.Error("the declared fault was changed by its copies")
	}
	if fault.As(errInternal) != nil {
		t.Error("an internal error became a fault")
	}
}

func TestFieldsSayEverything(t *testing.T) {
	t.Parallel()
	var fields fault.Fields
	if err := fields.Err(); err != nil {
		t.Errorf("got %v without fields", err)
	}
	fields.Add("birth_year", "out_of_range", "%d to %d", 1900, 2010)
	fields.Add("profile.height", "out_of_range", "50 to 250")
	err := fields.Err()
	if got := fault.As(err); got == nil || got.Kind != fault.Invalid || len(got.Fields) != 2 || !fields.Has("birth_year") || fields.Has("name") {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(err.Error(), "birth_year: 1900 to 2010; profile.height") {
		t.Errorf("the message %q does not name the fields", err)
	}
}
