package limit

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	sqlite3 "github.com/ncruces/go-sqlite3"
	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const maxBody = 1 << 20

type newMember struct {
	Phone     string       `json:"phone"`
	Name      string       `json:"name"`
	Gender    string       `json:"gender"`
	BirthYear *int64       `json:"birth_year"`
	Profile   *profileJSON `json:"profile"`
}

// creation is a member to be made, with what its rows need.
type creation struct {
	newMember
	id, delta [16]byte
	now       time.Time
	nameKey   string
	day       string
	hash      [32]byte // of the token
	front     *front
	done      chan error
}

func (c *creation) answer(w http.ResponseWriter) {
	w.Header()["Location"] = []string{"/api/v1/admin/members/" + idText(c.id)}
	answer(w, http.StatusCreated, &memberJSON{
		userJSON: userJSON{
			ID: idText(c.id), Phone: masked(&c.Phone), Name: c.Name, Gender: c.Gender, BirthYear: c.BirthYear, Status: "pending",
			CreatedAt: createdAt(c.id), UpdatedAt: c.now.Format(told), Version: 1,
		},
		Profile: c.Profile, Photos: []photoJSON{}, Documents: []documentJSON{},
	}, nil)
}

// read reads the body and checks and completes what is in it.
func (c *creation) read(r *http.Request, s *front) error {
	body := http.MaxBytesReader(nil, r.Body, maxBody)
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&c.newMember); err != nil {
		return errors.Join(errBody, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errBody
	}
	region := s.Region
	if region == "" {
		region = "ZZ"
	}
	number, err := phonenumbers.Parse(c.Phone, region)
	if err != nil || !phonenumbers.IsValidNumber(number) {
		return errBody
	}
	c.Phone = phonenumbers.Format(number, phonenumbers.E164)
	c.Name = norm.NFC.String(strings.TrimSpace(c.Name))
	folded := cases.Fold().String(norm.NFKC.String(c.Name))
	c.nameKey = strings.Join(strings.Fields(norm.NFKC.String(folded)), " ")
	known := c.Gender == "male" || c.Gender == "female" || c.Gender == "other"
	if c.Name == "" || !known || c.BirthYear == nil || *c.BirthYear < 1900 || *c.BirthYear > int64(c.now.Year())-18 {
		return errBody
	}
	c.id, c.delta = newID(c.now), newID(c.now)
	c.day = c.now.In(s.Zone).Format(time.DateOnly)
	return nil
}

func newID(t time.Time) [16]byte {
	id := firstID(t)
	_, _ = rand.Read(id[8:]) // never fails: crypto/rand ends the program instead
	id[8] = id[8]&0x3f | 0x80
	return id
}

// insert writes the rows of a member, the one that may be refused first, so
// that there is nothing to take back.
func (c *creation) insert(k *conn) error {
	who, err := k.authenticate(&c.hash, c.now)
	if err != nil {
		return err
	}
	at := c.now.Format(stored)
	err = k.run(insertUser, func(s *sqlite3.Stmt) error {
		_ = s.BindText(1, c.nameKey) // a failure is one of the last, too
		_ = s.BindText(2, at)
		_ = s.BindBlob(3, c.id[:])
		_ = s.BindNull(4)
		_ = s.BindText(5, c.Phone)
		_ = s.BindText(6, c.Name)
		_ = s.BindText(7, c.Gender)
		_ = s.BindInt64(8, *c.BirthYear)
		_ = s.BindText(9, "pending")
		_ = s.BindText(10, at)
		_ = s.BindNull(11)
		return s.BindInt64(12, 1)
	})
	if errors.Is(err, sqlite3.CONSTRAINT_UNIQUE) {
		return errTaken
	}
	if err == nil && c.Profile != nil {
		err = k.run(insertProfile, c.bindProfile)
	}
	if err != nil {
		return err
	}
	return errors.Join(
		k.run(insertUnindexed, func(s *sqlite3.Stmt) error { return s.BindBlob(1, c.id[:]) }),
		k.run(insertDelta, func(s *sqlite3.Stmt) error {
			_ = s.BindBlob(1, c.delta[:]) // as above
			_ = s.BindText(2, c.day)
			_ = s.BindInt64(3, c.now.Unix()/slotSeconds)
			_ = s.BindText(4, c.Gender)
			_ = s.BindText(5, "pending")
			return s.BindInt(6, 1)
		}),
		k.record(c, who))
}

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

// record writes the entry of the record.
func (c *conn) record(m *creation, who caller) error {
	e := m.front.entry(m, who)
	err := c.run(insertEntry, func(s *sqlite3.Stmt) error {
		_ = s.BindBlob(1, e.id[:]) // a failure is one of the last, too
		_ = s.BindText(2, m.now.Format(stored))
		_ = s.BindBlob(3, who.operator[:])
		_ = s.BindBlob(4, who.token[:])
		_ = s.BindText(5, e.source)
		_ = s.BindText(6, e.request)
		_ = s.BindText(7, e.action)
		_ = s.BindBlob(8, m.id[:])
		for i := 9; i <= 11; i++ {
			_ = s.BindNull(i)
		}
		_ = s.BindText(12, e.became)
		_ = s.BindText(13, e.key)
		return s.BindBlob(14, e.mac)
	})
	if err != nil {
		return err
	}
	return c.run(insertPending, func(s *sqlite3.Stmt) error { return s.BindBlob(1, e.id[:]) })
}

func (c *creation) bindProfile(s *sqlite3.Stmt) error {
	p := c.Profile
	_ = s.BindBlob(1, c.id[:]) // a failure is one of the last, too
	bindNumber(s, 2, p.Height)
	for i, text := range []*string{p.Education, p.Occupation, p.Employer} {
		_ = bindText(s, 3+i, text)
	}
	bindNumber(s, 6, p.Income)
	for i, text := range []*string{p.Region, p.Religion} {
		_ = bindText(s, 7+i, text)
	}
	return bindText(s, 9, p.Introduction)
}

func bindNumber(s *sqlite3.Stmt, i int, n *int64) {
	if n == nil {
		_ = s.BindNull(i)
		return
	}
	_ = s.BindInt64(i, *n)
}

func bindText(s *sqlite3.Stmt, i int, text *string) error {
	if text == nil {
		return s.BindNull(i)
	}
	return s.BindText(i, *text)
}

// run binds a statement's arguments and runs it.
func (c *conn) run(t text, bind func(*sqlite3.Stmt) error) error {
	s, err := c.stmt(t)
	if err != nil {
		return err
	}
	if err := bind(s); err != nil {
		return err
	}
	return s.Exec()
}
