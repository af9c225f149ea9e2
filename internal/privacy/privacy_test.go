package privacy_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/privacy"
)

func TestPhone(t *testing.T) {
	t.Parallel()
	for phone, want := range map[string]string{
		"+821012345678":   "+82 10-••••-5678",
		"+12025550123":    "+1 20-••••-0123",
		"+33612345678":    "+33 6-••••-5678",
		"+6581234567":     "+65 ••••-4567",
		"+35312345":       "+353 ••••-45",
		"+2901234":        "+290 ••••-4",
		"+79161234567":    "+7 91-••••-4567",
		"+85291234567":    "+852 ••••-4567",
		"+99912345678901": "+999 12-••••-8901",
		"":                "••••",
		"821012345678":    "••••",
		"+0123456789":     "••••",
		"+82 10":          "••••",
		"Kim":             "••••",
	} {
		if got := privacy.Phone(phone); got != want {
			t.Errorf("%s is shown as %s, want %s", phone, got, want)
		}
	}
}

// However long a phone is: it shares its mask with a thousand others, most with
// ten thousand, and the mask does not say how many digits it hides.
func TestPhoneHidesDigits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		phone := "+" + rapid.StringMatching(`[1-9][0-9]{5,14}`).Draw(t, "phone")
		got := privacy.Phone(phone)
		shown := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, got)
		if hidden := len(phone) - 1 - len(shown); hidden < 3 || len(phone) > 11 && hidden < 4 {
			t.Errorf("%s is shown as %s, which hides %d digits", phone, got, hidden)
		}
		if strings.Count(got, "•") != 4 || !privacy.IsMask(got) {
			t.Errorf("%s is shown as %s", phone, got)
		}
	})
}

// The countries are those that the library of phones knows.
func TestCountriesOfPhones(t *testing.T) {
	t.Parallel()
	seen := 0
	for region := range phonenumbers.GetSupportedRegions() {
		n := phonenumbers.GetExampleNumber(region)
		if n == nil {
			continue
		}
		seen++
		e164 := phonenumbers.Format(n, phonenumbers.E164)
		country, _, _ := strings.Cut(privacy.Phone(e164), " ")
		if want := phonenumbers.GetCountryCodeForRegion(region); country != "+"+strconv.Itoa(want) {
			t.Errorf("%s of %s is shown with %s, want +%d", e164, region, country, want)
		}
	}
	if seen < 200 {
		t.Errorf("only %d countries were tried", seen)
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mask  string
		value any
		want  any
	}{
		{privacy.MaskPhone, "+821012345678", "+82 10-••••-5678"},
		{privacy.MaskPhone, nil, nil},
		{privacy.MaskPhone, 821012345678, nil},
		{privacy.MaskLink, "https://x", nil},
		{"unknown", "secret", nil},
		{"", "Kim", "Kim"},
	} {
		if got := privacy.Mask(c.mask, c.value); got != c.want {
			t.Errorf("mask %q of %v: got %v, want %v", c.mask, c.value, got, c.want)
		}
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	for reason, ok := range map[string]bool{
		"": false, "          ": false, "because": false, "the member called and asked": true, "회원이 전화로 요청했습니다": true,
		strings.Repeat("x", 501): false, "not \xff UTF-8 at all": false,
		strings.Repeat("\u200b", 20): false, strings.Repeat("\u2060\u202e", 20): false, "a lot of\x1b[2J escapes": false, "on two lines,\nas asked": true, "می\u200cخواهد تماس": true,
	} {
		if err := privacy.CheckReason(reason); (err == nil) != ok {
			t.Errorf("%q: got %v", reason, err)
		}
	}
}
