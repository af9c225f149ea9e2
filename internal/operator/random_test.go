package operator

import "testing"

// Every bit of the secret is as likely to be 1 as 0, as far as a thousand tokens
// show.
func TestSecretsAreRandom(t *testing.T) {
	t.Parallel()
	const tokens = 1000
	var ones [secretBytes * 8]int
	seen := map[string]bool{}
	for range tokens {
		s := newSecret()
		if seen[s.Reveal()] {
			t.Fatal("got the same token twice")
		}
		seen[s.Reveal()] = true
		b, err := alphabet.DecodeString(s.Reveal()[len(scheme)+prefixText+1:])
		if err != nil || len(b) != secretBytes+sumBytes {
			t.Fatal(err, len(b))
		}
		for i := range ones {
			ones[i] += int(b[i/8] >> (i % 8) & 1)
		}
	}
	for i, n := range ones { // 500 is expected; 350 or 650 is nine standard deviations away
		if n < 350 || n > 650 {
			t.Errorf("bit %d was set %d times of %d", i, n, tokens)
		}
	}
}
