package limit

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	sqlite3 "github.com/ncruces/go-sqlite3"
)

type userJSON struct {
	ID         string  `json:"id"`
	ExternalID *string `json:"external_id"`
	Phone      *string `json:"phone"`
	Name       string  `json:"name"`
	Gender     string  `json:"gender"`
	BirthYear  *int64  `json:"birth_year"`
	Status     string  `json:"status"`
	CreatedAt  string  `json:"created_at"`
	UpdatedAt  string  `json:"updated_at"`
	DeletedAt  *string `json:"deleted_at"`
	Version    int64   `json:"version"`
}

type memberJSON struct {
	userJSON
	Profile      *profileJSON      `json:"profile"`
	Lifestyle    *lifestyleJSON    `json:"lifestyle"`
	Preference   *preferenceJSON   `json:"preference"`
	Subscription *subscriptionJSON `json:"subscription"`
	Photos       []photoJSON       `json:"photos"`
	Documents    []documentJSON    `json:"documents"`
}

type profileJSON struct {
	Height       *int64  `json:"height"`
	Education    *string `json:"education"`
	Occupation   *string `json:"occupation"`
	Employer     *string `json:"employer"`
	Income       *int64  `json:"income"`
	Region       *string `json:"region"`
	Religion     *string `json:"religion"`
	Introduction *string `json:"introduction"`
}

type lifestyleJSON struct {
	Smoking  *string         `json:"smoking"`
	Drinking *string         `json:"drinking"`
	Exercise *string         `json:"exercise"`
	Diet     *string         `json:"diet"`
	Pets     json.RawMessage `json:"pets"`
	Hobbies  json.RawMessage `json:"hobbies"`
}

type preferenceJSON struct {
	AgeMin     *int64          `json:"age_min"`
	AgeMax     *int64          `json:"age_max"`
	HeightMin  *int64          `json:"height_min"`
	HeightMax  *int64          `json:"height_max"`
	Genders    json.RawMessage `json:"genders"`
	Regions    json.RawMessage `json:"regions"`
	Educations json.RawMessage `json:"educations"`
	Religions  json.RawMessage `json:"religions"`
	Qualities  json.RawMessage `json:"qualities"`
	Goal       *string         `json:"goal"`
}

type subscriptionJSON struct {
	ID        string  `json:"id"`
	Plan      string  `json:"plan"`
	Status    string  `json:"status"`
	StartedAt string  `json:"started_at"`
	ExpiresAt *string `json:"expires_at"`
}

type photoJSON struct {
	ID           string `json:"id"`
	URL          string `json:"url"`
	DisplayOrder int64  `json:"display_order"`
	Status       string `json:"status"`
	ContentType  string `json:"content_type"`
	Bytes        int64  `json:"bytes"`
	Width        int64  `json:"width"`
	Height       int64  `json:"height"`
	SHA256       string `json:"sha256"`
	CreatedAt    string `json:"created_at"`
	URLExpiresAt string `json:"url_expires_at"`
}

type documentJSON struct {
	ID          string  `json:"id"`
	URL         *string `json:"url"` // never: it is masked
	Kind        string  `json:"kind"`
	Status      string  `json:"status"`
	ContentType string  `json:"content_type"`
	Bytes       int64   `json:"bytes"`
	SHA256      string  `json:"sha256"`
	Reviewer    *string `json:"reviewer"`
	Reason      *string `json:"reason"`
	ExpiresAt   *string `json:"expires_at"`
	CreatedAt   string  `json:"created_at"`
}

// detail answers with a member and its six relations.
func (s *Server) detail(w http.ResponseWriter, r *http.Request) {
	id, ok := parseID(r.PathValue("user_id"))
	if !ok {
		answer(w, 0, nil, errAbsent)
		return
	}
	hash, now := bearer(r), s.Clock()
	m := memberJSON{Photos: []photoJSON{}, Documents: []documentJSON{}}
	err := s.readers.read(func(c *conn) error {
		if _, err := c.authenticate(&hash, now); err != nil {
			return err
		}
		return s.load(c, &id, &m, now)
	})
	answer(w, http.StatusOK, &m, err)
}

func (s *Server) load(c *conn, id *[16]byte, m *memberJSON, now time.Time) error {
	found := false
	err := c.byID(user, id, func(row *sqlite3.Stmt) { found, m.userJSON = true, scanUser(row) })
	if err != nil {
		return err
	}
	if !found {
		return errAbsent
	}
	return errors.Join(
		c.byID(profile, id, func(r *sqlite3.Stmt) {
			m.Profile = &profileJSON{
				numberOf(r, 0), textOf(r, 1), textOf(r, 2), textOf(r, 3), numberOf(r, 4), textOf(r, 5), textOf(r, 6), textOf(r, 7),
			}
		}),
		c.byID(lifestyle, id, func(r *sqlite3.Stmt) {
			m.Lifestyle = &lifestyleJSON{textOf(r, 0), textOf(r, 1), textOf(r, 2), textOf(r, 3), listOf(r, 4), listOf(r, 5)}
		}),
		c.byID(preference, id, func(r *sqlite3.Stmt) {
			m.Preference = &preferenceJSON{
				numberOf(r, 0), numberOf(r, 1), numberOf(r, 2), numberOf(r, 3),
				listOf(r, 4), listOf(r, 5), listOf(r, 6), listOf(r, 7), listOf(r, 8), textOf(r, 9),
			}
		}),
		c.byID(subscription, id, func(r *sqlite3.Stmt) {
			m.Subscription = &subscriptionJSON{
				idText(idOf(r, 0)), r.ColumnText(1), r.ColumnText(2), shown(r.ColumnRawText(3)), timeOf(r, 4),
			}
		}),
		c.byID(photos, id, func(r *sqlite3.Stmt) { m.Photos = append(m.Photos, s.scanPhoto(r, now)) }),
		c.byID(documents, id, func(r *sqlite3.Stmt) { m.Documents = append(m.Documents, scanDocument(r)) }),
	)
}

func scanUser(r *sqlite3.Stmt) userJSON {
	id := idOf(r, 0)
	return userJSON{
		ID: idText(id), ExternalID: textOf(r, 1), Phone: masked(textOf(r, 2)), Name: r.ColumnText(3), Gender: r.ColumnText(4),
		BirthYear: numberOf(r, 5), Status: r.ColumnText(6), CreatedAt: createdAt(id), UpdatedAt: shown(r.ColumnRawText(7)),
		DeletedAt: timeOf(r, 8), Version: r.ColumnInt64(9),
	}
}

func (s *Server) scanPhoto(r *sqlite3.Stmt, now time.Time) photoJSON {
	end := until(now, photoLife)
	contentType := r.ColumnText(4)
	return photoJSON{
		ID: idText(idOf(r, 0)), URL: s.link(r.ColumnText(1), contentType, "", end), DisplayOrder: r.ColumnInt64(2),
		Status: r.ColumnText(3), ContentType: contentType, Bytes: r.ColumnInt64(5), Width: r.ColumnInt64(6),
		Height: r.ColumnInt64(7), SHA256: r.ColumnText(8), CreatedAt: shown(r.ColumnRawText(9)), URLExpiresAt: unixText(end),
	}
}

func scanDocument(r *sqlite3.Stmt) documentJSON {
	return documentJSON{
		ID: idText(idOf(r, 0)), Kind: r.ColumnText(2), Status: r.ColumnText(3), ContentType: r.ColumnText(4), Bytes: r.ColumnInt64(5),
		SHA256: r.ColumnText(6), Reviewer: textOf(r, 7), Reason: textOf(r, 8), ExpiresAt: timeOf(r, 9), CreatedAt: shown(r.ColumnRawText(10)),
	}
}

type pageJSON struct {
	Items      []userJSON `json:"items"`
	NextCursor *string    `json:"next_cursor"`
	Total      totalJSON  `json:"total"`
}

type totalJSON struct {
	Count int64 `json:"count"`
	Exact bool  `json:"exact"`
}

const pageSize = 50

// list answers with the newest members and how many there are.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	hash, now := bearer(r), s.Clock()
	p := pageJSON{Items: make([]userJSON, 0, pageSize+1), Total: totalJSON{Exact: true}}
	err := s.readers.read(func(c *conn) error {
		if _, err := c.authenticate(&hash, now); err != nil {
			return err
		}
		return c.page(&p)
	})
	if err == nil && len(p.Items) > pageSize {
		p.Items = p.Items[:pageSize]
		p.NextCursor, err = s.cursor(p.Items[pageSize-1].ID)
	}
	answer(w, http.StatusOK, &p, err)
}

func (c *conn) page(p *pageJSON) error {
	page, err := c.stmt(firstPage)
	if err != nil {
		return err
	}
	if err := page.BindInt(1, pageSize+1); err != nil {
		return err
	}
	for page.Step() {
		p.Items = append(p.Items, scanUser(page))
	}
	if err := page.Reset(); err != nil {
		return err
	}
	count, err := c.stmt(total)
	if err != nil {
		return err
	}
	for count.Step() {
		p.Total.Count = count.ColumnInt64(0)
	}
	return count.Reset()
}

func (f *front) cursor(id string) (*string, error) {
	plain, err := json.Marshal(struct {
		Sort string `json:"s"`
		ID   string `json:"id"`
	}{"-created_at", id})
	if err != nil {
		return nil, err
	}
	sealed := base64.RawURLEncoding.EncodeToString(f.cursors.Seal(nil, nil, plain, []byte("members")))
	return &sealed, nil
}
