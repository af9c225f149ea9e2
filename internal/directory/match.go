package directory

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/nameindex"
	"github.com/musterhq/muster/internal/privacy"
)

// match is what a free text matches: members whose name has every word, whose
// phone ends with the digits, or whose ID starts with the text.
type match struct {
	words   []string   // of the normalized text; none if they are too short to search for
	grams   [][]string // pieces of each word, all of which the name must have
	digits  []string   // forms of a phone, without the +; the last four digits are the same
	idLeast ids.Member
	idMost  ids.Member // zero if the text is not the start of an ID

	sizes map[string]int // the number of blocks of a gram, up to blocksAtOnce+1
}

// codeTooBroad is the code of a text that too many members match to be sorted.
const codeTooBroad = "too_broad"

// parseText parses a free text, whose length [Filter] bounds. Faults: invalid,
// field q.
func parseText(text string, rules member.Rules) (*match, error) {
	var f fault.Fields
	m := &match{digits: phoneForms(text, rules.Region)}
	words := strings.Fields(nameindex.Normalize(text))
	if m.grams = nameindex.WordGrams(words); len(m.grams) > 0 {
		m.words = words
	}
	m.idLeast, m.idMost = idRange(text)
	if m.words == nil && m.digits == nil && m.idMost.IsZero() {
		f.Add("q", field.CodeTooShort, "Write at least two characters of a name, four digits of a phone, or eight of an ID.")
	}
	return m, f.Err()
}

// phoneForms returns the digits that the phone in the text may end with: as they
// are written, and as the region dials them. It returns none if the text is not a
// phone.
func phoneForms(text, region string) (forms []string) {
	var digits strings.Builder
	for _, r := range text {
		switch {
		case '0' <= r && r <= '9':
			digits.WriteRune(r)
		case '0' <= r-0xff10+'0' && r-0xff10+'0' <= '9': // full width
			digits.WriteRune(r - 0xff10 + '0')
		case !strings.ContainsRune(" +-./()\u00a0\u2010\u2011\u2012\u2013", r):
			return nil
		}
	}
	if bare := strings.TrimLeft(digits.String(), "0"); len(bare) >= 4 && len(bare) <= 20 {
		forms = append(forms, bare)
	}
	if e164, ok := member.ParsePhone(text, region, false); ok {
		if whole := e164[1:]; !slices.Contains(forms, whole) {
			forms = append(forms, whole)
		}
	}
	if len(forms) == 2 && forms[0][len(forms[0])-4:] != forms[1][len(forms[1])-4:] {
		forms = forms[1:]
	}
	return forms
}

// SearchesPhone reports whether the members that a text finds reveal more of a
// phone than its mask shows: a caller who may not see phones may not search for
// it. A phone may end with any of several forms, and the shortest decides, as the
// others end with it. Somewhere, four digits are a whole number.
func SearchesPhone(rules member.Rules, text string) bool {
	forms := phoneForms(strings.TrimSpace(text), rules.Region)
	return forms != nil && !slices.ContainsFunc(forms, func(form string) bool { return len(form) <= privacy.VisibleDigits })
}

// idRange returns the least and the greatest ID that start with the text, if it
// is eight digits of an ID or more.
func idRange(text string) (least, most ids.Member) {
	digits := strings.ReplaceAll(strings.ToLower(text), "-", "")
	if len(digits) < 8 || len(digits) > 32 {
		return least, ids.Member{}
	}
	low, err1 := hex.DecodeString(digits + strings.Repeat("0", 32-len(digits)))
	high, err2 := hex.DecodeString(digits + strings.Repeat("f", 32-len(digits)))
	if err1 != nil || err2 != nil {
		return least, ids.Member{}
	}
	return ids.Member(low), ids.Member(high)
}

// condition returns the condition that a member matches.
func (m *match) condition(t *text, alias string) string {
	var any []string
	if m.words != nil {
		all := make([]string, len(m.words))
		for i, w := range m.words {
			all[i] = alias + ".name_key like " + t.arg("%"+escapeLike(w)+"%") + ` escape '\'`
		}
		any = append(any, "("+strings.Join(all, " and ")+")")
	}
	for _, d := range m.digits {
		any = append(any, alias+".phone like "+t.arg("%"+d))
	}
	if !m.idMost.IsZero() {
		any = append(any, "("+alias+".id >= "+t.arg(m.idLeast)+" and "+alias+".id <= "+t.arg(m.idMost)+")")
	}
	return "(" + strings.Join(any, " or ") + ")"
}
