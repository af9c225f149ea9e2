package operator_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/testkit"
)

const sample = "muster_aaaaaaaa_" // a prefix with nothing behind it

func TestParseSecretRefusesWhatWasNeverOne(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":              "",
		"another scheme":     "ghp_0123456789",
		"prefix only":        sample,
		"too long":           sample + strings.Repeat("a", 1<<16),
		"not the alphabet":   sample + strings.Repeat("!", 58),
		"checksum not right": sample + strings.Repeat("b", 58),
		"line ends":          sample + strings.Repeat("\n", 58),
		"no second mark":     "muster_aaaaaaaaa" + strings.Repeat("a", 58),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if s, err := operator.ParseSecret(text); !errors.Is(err, operator.ErrInvalid) {
				t.Errorf("got %v, %v, want invalid_token", s, err)
			}
		})
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	_, s := create(t, testkit.Open(t), "ci", 0)
	hidden := s.Reveal()[len(sample):]
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q"} {
		if got := fmt.Sprintf(verb, s); strings.Contains(got, hidden) {
			t.Errorf("%s prints the secret", verb)
		}
	}
	if got, err := operator.ParseSecret(s.Reveal()); err != nil || got != s {
		t.Errorf("got %v, %v, want %v", got, err, s)
	}
	slip := []byte(s.Reveal())
	slip[40] ^= 'a' ^ 'b' // 'a' and 'b' change places; any other letter is another or none
	if _, err := operator.ParseSecret(string(slip)); !errors.Is(err, operator.ErrInvalid) {
		t.Errorf("a typing error: got %v, want invalid_token", err)
	}
}
