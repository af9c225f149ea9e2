package limit

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
)

// entry is one of the record, as Muster writes it: with the values of the member
// and a mac over all of it.
type entry struct {
	id                                   [16]byte
	source, request, action, became, key string
	mac                                  []byte
}

func (f *front) entry(c *creation, who caller) entry {
	e := entry{id: newID(c.now), source: "127.0.0.1", action: "member.create", key: "0123456789abcdef"}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	e.request = hex.EncodeToString(b[:])
	became := map[string]any{
		"name": c.Name, "gender": c.Gender, "birth_year": c.BirthYear, "status": "pending", "phone": masked(&c.Phone),
	}
	if p := c.Profile; p != nil {
		for name, v := range map[string]*string{
			"profile.education": p.Education, "profile.occupation": p.Occupation, "profile.employer": p.Employer,
			"profile.region": p.Region, "profile.religion": p.Religion, "profile.introduction": p.Introduction,
		} {
			if v != nil {
				became[name] = v
			}
		}
		if p.Height != nil {
			became["profile.height"] = p.Height
		}
		if p.Income != nil {
			became["profile.income"] = p.Income
		}
	}
	text, _ := json.Marshal(became) // texts and numbers: they always encode
	e.became = string(text)
	mac := hmac.New(sha256.New, f.secret)
	for _, field := range [][]byte{e.id[:], who.operator[:], who.token[:], c.id[:], []byte(e.source), []byte(e.request), []byte(e.action), text} {
		mac.Write(strconv.AppendInt(nil, int64(len(field)), 10))
		mac.Write(field)
	}
	e.mac = mac.Sum(nil)
	return e
}

// masked is a phone as Muster shows it, of a country with one digit or two.
func masked(phone *string) *string {
	if phone == nil || len(*phone) < 11 {
		return phone
	}
	p, country := *phone, 3
	if p[1] == '1' || p[1] == '7' {
		country = 2
	}
	first := max(min(2, len(p)-country-8), 0)
	text := p[:country] + " "
	if first > 0 {
		text += p[country:country+first] + "-"
	}
	text += "••••-" + p[len(p)-4:]
	return &text
}
