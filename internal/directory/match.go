package directory

import (
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/nameindex"
	"github.com/musterhq/muster/internal/privacy"
)

// match is what a free text asks for. A member passes that has every word in
// its name, or the digits at the end of its phone, or the beginning in its id.
type match struct {
	words   []string   // of the normalized text; none if they are too short to look for
	grams   [][]string // pieces of each word, all of which the name must have
	digits  []string   // forms of a phone, without the +; the last four are the same
	idLeast ids.Member
	idMost  ids.Member // the zero id: the text is no beginning of an id

	sizes map[string]int // blocks that a gram has, up to blocksAtOnce+1
}

// maxSearch is the most characters of a free text.
const maxSearch = 100

// parseText reads a free text. Faults: invalid, field q.
func parseText(text string, rules member.Rules) (*match, error) {
	var f fault.Fields
	if utf8.RuneCountInString(text) > maxSearch {
		f.Add("q", "too_long", "It has at most %d characters.", maxSearch)
		return nil, f.Err()
	}
	m := &match{digits: phoneForms(text, rules.Region)}
	words := strings.Fields(nameindex.Normalize(text))
	if m.grams = nameindex.WordGrams(words); len(m.grams) > 0 {
		m.words = words
	}
	m.idLeast, m.idMost = idRange(text)
	if m.words == nil && m.digits == nil && m.idMost.IsZero() {
		f.Add("q", "too_short", "Write at least two characters of a name, four digits of a phone, or eight of an id.")
	}
	return m, f.Err()
}

// phoneForms are the digits with which a phone would end that is written so, as
// it stands and as the region dials it; none if the text is no phone.
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

// SearchesPhone reports whether a list that is searched for the text tells of a
// phone more than its mask shows: who may not see phones may not ask for it. Of
// several forms, any may be at the end of the phone: the shortest decides what is
// told, as the others end with it. Four digits can be a whole number somewhere.
func SearchesPhone(rules member.Rules, text string) bool {
	forms := phoneForms(strings.TrimSpace(text), rules.Region)
	return forms != nil && !slices.ContainsFunc(forms, func(form string) bool { return len(form) <= privacy.VisibleDigits })
}

// idRange are the least and the greatest id that begin with the text, if it is
// eight digits of an id or more.
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

// condition is what a member must meet to match.
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
