package limit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Postgres answers the same requests from PostgreSQL: each is one pipelined
// batch of the driver's, or, to be compared with, its statements one at a time.
// It is safe for concurrent use.
type Postgres struct {
	*front
	pool *pgxpool.Pool
	once bool // each statement has a round trip of its own
}

// NewPostgres connects to the database at the URL, which has Muster's schema.
// The path of the options is not used.
func NewPostgres(ctx context.Context, url string, oneAtATime bool, o Options) (*Postgres, error) {
	front, err := newFront(o)
	if err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the address of the database is not valid")
	}
	config.MaxConns = 16
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.ConnConfig.RuntimeParams["default_transaction_isolation"] = "repeatable read"
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	p := &Postgres{front: front, pool: pool, once: oneAtATime}
	p.mux.HandleFunc("GET /api/v1/admin/members/{user_id}", p.detail)
	p.mux.HandleFunc("GET /api/v1/admin/members", p.list)
	p.mux.HandleFunc("POST /api/v1/admin/members", p.create)
	p.mux.HandleFunc("GET /api/v1/admin/dashboard", p.dashboard)
	return p, nil
}

// Close closes the connections.
func (p *Postgres) Close() error {
	p.pool.Close()
	return nil
}

// postgresTexts are the texts as PostgreSQL spells them.
var postgresTexts = func() (list [howMany]string) {
	for t, sql := range texts {
		list[t] = strings.ReplaceAll(sql, "?", "$")
	}
	list[begin] = "begin isolation level repeatable read read only"
	list[beginWrite] = "begin isolation level serializable"
	return list
}()

// asked is one statement and what takes its rows.
type asked struct {
	text text
	args []any
	row  func(pgx.Rows) error // nil: there are none
}

func ask(t text, row func(pgx.Rows) error, args ...any) asked { return asked{t, args, row} }

// run does the statements together, or one at a time.
func (p *Postgres) run(ctx context.Context, c *pgxpool.Conn, list ...asked) error {
	if p.once {
		for _, a := range list {
			rows, err := c.Query(ctx, postgresTexts[a.text], a.args...)
			if err != nil {
				return err
			}
			if err := a.take(rows); err != nil {
				return err
			}
		}
		return nil
	}
	b := &pgx.Batch{}
	for _, a := range list {
		b.Queue(postgresTexts[a.text], a.args...).Query(a.take)
	}
	return c.SendBatch(ctx, b).Close()
}

func (a *asked) take(rows pgx.Rows) error {
	defer rows.Close()
	for rows.Next() {
		if a.row == nil {
			continue
		}
		if err := a.row(rows); err != nil {
			return err
		}
	}
	rows.Close()
	return rows.Err()
}

// read runs the statements in one snapshot, behind the token. A batch is one
// transaction without being told so.
func (p *Postgres) read(ctx context.Context, hash [32]byte, now time.Time, list ...asked) error {
	c, err := p.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	all := append([]asked{authenticated(hash, now, new(caller))}, list...)
	if p.once {
		all = append(append([]asked{ask(begin, nil)}, all...), ask(commit, nil))
	}
	return p.run(ctx, c, all...)
}

func authenticated(hash [32]byte, now time.Time, who *caller) asked {
	return ask(token, func(r pgx.Rows) error {
		var id, operator [16]byte
		var refusal int
		var role string
		var expires *time.Time
		var scope, permissions *string
		if err := r.Scan(&refusal, &id, &operator, &role, &expires, &scope, &permissions); err != nil {
			return err
		}
		if refusal != 0 || scope != nil || !allows(role) {
			return errToken
		}
		*who = caller{id, operator}
		return nil
	}, hash[:], now, now.Add(-idle), [16]byte{})
}

func (p *Postgres) detail(w http.ResponseWriter, r *http.Request) {
	id, ok := parseID(r.PathValue("user_id"))
	if !ok {
		answer(w, 0, nil, errAbsent)
		return
	}
	now := p.Clock()
	m := memberJSON{Photos: []photoJSON{}, Documents: []documentJSON{}}
	err := p.read(r.Context(), bearer(r), now,
		ask(user, func(r pgx.Rows) (err error) { m.userJSON, err = rowUser(r); return err }, id),
		ask(profile, func(r pgx.Rows) error {
			m.Profile = &profileJSON{}
			x := m.Profile
			return r.Scan(&x.Height, &x.Education, &x.Occupation, &x.Employer, &x.Income, &x.Region, &x.Religion, &x.Introduction)
		}, id),
		ask(lifestyle, func(r pgx.Rows) error {
			m.Lifestyle = &lifestyleJSON{}
			x := m.Lifestyle
			return r.Scan(&x.Smoking, &x.Drinking, &x.Exercise, &x.Diet, list(&x.Pets), list(&x.Hobbies))
		}, id),
		ask(preference, func(r pgx.Rows) error {
			m.Preference = &preferenceJSON{}
			x := m.Preference
			return r.Scan(&x.AgeMin, &x.AgeMax, &x.HeightMin, &x.HeightMax,
				list(&x.Genders), list(&x.Regions), list(&x.Educations), list(&x.Religions), list(&x.Qualities), &x.Goal)
		}, id),
		ask(subscription, func(r pgx.Rows) error {
			m.Subscription = &subscriptionJSON{}
			x := m.Subscription
			return r.Scan(idInto{&x.ID}, &x.Plan, &x.Status, timeInto{text: &x.StartedAt}, timeInto{maybe: &x.ExpiresAt})
		}, id),
		ask(photos, func(r pgx.Rows) error {
			x, err := p.rowPhoto(r, now)
			m.Photos = append(m.Photos, x)
			return err
		}, id, 50),
		ask(documents, func(r pgx.Rows) error {
			x, err := rowDocument(r)
			m.Documents = append(m.Documents, x)
			return err
		}, id, 50))
	if err == nil && m.ID == "" {
		err = errAbsent
	}
	answer(w, http.StatusOK, &m, err)
}

func rowUser(r pgx.Rows) (u userJSON, err error) {
	var id [16]byte
	var year int64
	err = r.Scan(&id, &u.ExternalID, &u.Phone, &u.Name, &u.Gender, &year, &u.Status,
		timeInto{text: &u.UpdatedAt}, timeInto{maybe: &u.DeletedAt}, &u.Version)
	if year != 0 {
		u.BirthYear = &year
	}
	u.ID, u.CreatedAt, u.Phone = idText(id), createdAt(id), masked(u.Phone)
	return u, err
}

func (p *Postgres) rowPhoto(r pgx.Rows, now time.Time) (x photoJSON, err error) {
	var key string
	err = r.Scan(idInto{&x.ID}, &key, &x.DisplayOrder, &x.Status, &x.ContentType, &x.Bytes, &x.Width,
		&x.Height, &x.SHA256, timeInto{text: &x.CreatedAt})
	end := until(now, photoLife)
	x.URL, x.URLExpiresAt = p.link(key, x.ContentType, "", end), unixText(end)
	return x, err
}

func rowDocument(r pgx.Rows) (x documentJSON, err error) {
	var key string // which is masked
	err = r.Scan(idInto{&x.ID}, &key, &x.Kind, &x.Status, &x.ContentType, &x.Bytes, &x.SHA256,
		&x.Reviewer, &x.Reason, timeInto{maybe: &x.ExpiresAt}, timeInto{text: &x.CreatedAt})
	return x, err
}

func (p *Postgres) list(w http.ResponseWriter, r *http.Request) {
	page := pageJSON{Items: make([]userJSON, 0, pageSize+1), Total: totalJSON{Exact: true}}
	err := p.read(r.Context(), bearer(r), p.Clock(),
		ask(firstPage, func(r pgx.Rows) error {
			u, err := rowUser(r)
			page.Items = append(page.Items, u)
			return err
		}, pageSize+1),
		ask(total, func(r pgx.Rows) error { return r.Scan(&page.Total.Count) }))
	if err == nil && len(page.Items) > pageSize {
		page.Items = page.Items[:pageSize]
		page.NextCursor, err = p.cursor(page.Items[pageSize-1].ID)
	}
	answer(w, http.StatusOK, &page, err)
}

func (p *Postgres) dashboard(w http.ResponseWriter, r *http.Request) {
	now := p.Clock().UTC()
	d := dashboardJSON{AsOf: now.Truncate(time.Microsecond).Format(told)}
	args := make([]any, 0, 12)
	for _, w := range windowsOf(now, p.Zone) {
		args = append(args, w.day, w.slot, w.end, w.least, w.first)
	}
	day, slot := today(now, p.Zone)
	err := p.read(r.Context(), bearer(r), now,
		ask(totals, func(r pgx.Rows) error {
			return r.Scan(&d.TotalMembers, &d.MaleCount, &d.FemaleCount, &d.PendingReviews)
		}),
		ask(dashboardCounts, func(r pgx.Rows) error {
			return r.Scan(&d.MonthlySignups, &d.WeeklySignups, &d.TodaySignups)
		}, append(args, day, slot)...))
	answer(w, http.StatusOK, &d, err)
}

// create makes a member in two round trips: a bad token must refuse the commit.
func (p *Postgres) create(w http.ResponseWriter, r *http.Request) {
	c := &creation{hash: bearer(r), now: p.Clock().UTC()}
	err := c.read(r, p.front)
	if err == nil {
		err = p.insert(r.Context(), c)
	}
	if err != nil {
		answer(w, 0, nil, err)
		return
	}
	c.answer(w)
}

const serialization = "40001"

func (p *Postgres) insert(ctx context.Context, c *creation) error {
	for {
		err := p.transact(ctx, c)
		var refused *pgconn.PgError
		switch {
		case !errors.As(err, &refused):
			return err
		case refused.ConstraintName == "users_phone_key":
			return errTaken
		case refused.Code != serialization || ctx.Err() != nil:
			return err
		}
	}
}

// transact writes the rows behind the token and, since they are written in the
// operator's name, the entry of the record with the commit.
func (p *Postgres) transact(ctx context.Context, c *creation) error {
	conn, err := p.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // which ends what is open
	var who caller
	list := []asked{
		ask(beginWrite, nil), authenticated(c.hash, c.now, &who),
		ask(insertUser, nil, c.nameKey, c.now, c.id, nil, c.Phone, c.Name, c.Gender, *c.BirthYear, "pending", c.now, nil, 1),
	}
	if x := c.Profile; x != nil {
		list = append(list, ask(insertProfile, nil, c.id, x.Height, x.Education, x.Occupation, x.Employer, x.Income, x.Region, x.Religion, x.Introduction))
	}
	list = append(list, ask(insertUnindexed, nil, c.id),
		ask(insertDelta, nil, c.delta, c.day, c.now.Unix()/slotSeconds, c.Gender, "pending", 1))
	if err := p.run(ctx, conn, list...); err != nil {
		return err
	}
	e := p.entry(c, who)
	return p.run(ctx, conn,
		ask(insertEntry, nil, e.id, c.now, who.operator, who.token, e.source, e.request, e.action, c.id, nil, nil, nil, e.became, e.key, e.mac),
		ask(insertPending, nil, e.id), ask(commit, nil))
}

// timeInto takes a time as the text that is shown.
type timeInto struct {
	text  *string
	maybe **string
}

// ScanTimestamptz implements the driver's scanner of times.
func (t timeInto) ScanTimestamptz(v pgtype.Timestamptz) error {
	if !v.Valid {
		return nil
	}
	shown := v.Time.UTC().Format(told)
	if t.text != nil {
		*t.text = shown
	} else {
		*t.maybe = &shown
	}
	return nil
}

// idInto takes an id as its text.
type idInto struct{ text *string }

// ScanUUID implements the driver's scanner of ids.
func (i idInto) ScanUUID(v pgtype.UUID) error {
	*i.text = idText(v.Bytes)
	return nil
}

// listInto takes a list, which is stored as JSON and needs no reading.
type listInto struct{ to *json.RawMessage }

func list(to *json.RawMessage) listInto { return listInto{to} }

// Scan implements sql.Scanner.
func (l listInto) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*l.to = noList
	case string:
		*l.to = json.RawMessage(v)
	case []byte:
		*l.to = append(json.RawMessage{}, v...)
	default:
		return fmt.Errorf("a list came as a %T", v)
	}
	return nil
}
