package httpapi

import (
	"context"
	"encoding/base64"
	"hash/fnv"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/directory"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/session"
)

// MemberPage is a page of the list of members.
type MemberPage struct {
	Items      []Member        `json:"items"`
	NextCursor *string         `json:"next_cursor" doc:"Brings the next page; null on the last."`
	Total      directory.Total `json:"total" doc:"How many members pass the filter: exactly, or at least so many."`
}

// NewMember is what a member is made of.
type NewMember struct {
	Phone        *string            `json:"phone"`
	Name         string             `json:"name"`
	Gender       member.Gender      `json:"gender"`
	BirthYear    *int               `json:"birth_year"`
	Profile      *member.Profile    `json:"profile,omitempty"`
	Lifestyle    *member.Lifestyle  `json:"lifestyle,omitempty"`
	Preference   *member.Preference `json:"preference,omitempty"`
	Subscription *NewSubscription   `json:"subscription,omitempty"`
}

// NewSubscription is what a subscription is made of.
type NewSubscription struct {
	Plan      string                    `json:"plan"`
	Status    member.SubscriptionStatus `json:"status,omitempty"`
	StartedAt *time.Time                `json:"started_at,omitempty"`
	ExpiresAt *time.Time                `json:"expires_at,omitempty"`
}

// MemberPatch is what can be changed of a member (RFC 7396): a field that is
// absent stays, null takes its value away.
type MemberPatch struct {
	Phone        *string              `json:"phone,omitempty"`
	Name         *string              `json:"name,omitempty"`
	Gender       *member.Gender       `json:"gender,omitempty"`
	BirthYear    *int                 `json:"birth_year,omitempty"`
	Status       *member.Status       `json:"status,omitempty"`
	Profile      *member.Profile      `json:"profile,omitempty"`
	Lifestyle    *member.Lifestyle    `json:"lifestyle,omitempty"`
	Preference   *member.Preference   `json:"preference,omitempty"`
	Subscription *SubscriptionChanges `json:"subscription,omitempty"`
}

// SubscriptionChanges is what can be changed of a subscription.
type SubscriptionChanges struct {
	Plan      *string                    `json:"plan,omitempty"`
	Status    *member.SubscriptionStatus `json:"status,omitempty"`
	StartedAt *time.Time                 `json:"started_at,omitempty"`
	ExpiresAt *time.Time                 `json:"expires_at,omitempty"`
}

func memberOperations() []Operation {
	one := reflect.TypeFor[Member]()
	return []Operation{
		{
			Method: http.MethodGet, Path: "/members", ID: "list-members", Tag: "Members", Permission: operator.ReadMembers, Trips: 3,
			Summary: "List members",
			Doc:     "Members that pass every filter, page by page. A page deep in the list costs what the first costs.",
			query:   listParams(), answer: reflect.TypeFor[MemberPage](), status: http.StatusOK,
			readWith: listMembers,
		},
		{
			Method: http.MethodPost, Path: "/members/search", ID: "search-members", Tag: "Members", Permission: operator.ReadMembers, Trips: 3,
			Summary: "Search for members",
			Doc:     "The same list, asked for in a body: a name or a phone that is searched for is then in no URL, which proxies and browsers remember.",
			query:   listParams(), inBody: true, accepts: []string{typeJSON}, answer: reflect.TypeFor[MemberPage](), status: http.StatusOK,
			readWith: listMembers,
		},
		{
			Method: http.MethodPost, Path: "/members", ID: "create-member", Tag: "Members", Permission: operator.WriteMembers, Shows: operator.ReadMembers, Writes: true, Trips: 2,
			Summary: "Create a member",
			Doc:     "Creates a pending member with what is known of it, all or nothing. With an Idempotency-Key, a repetition within 24 hours gets the first answer and makes nothing.",
			Fields:  map[string]operator.Permission{"phone": operator.WritePhones},
			body:    reflect.TypeFor[NewMember](), accepts: []string{typeJSON}, repeated: true,
			answer: one, tagged: true, status: http.StatusCreated,
			faults: []fault.Kind{fault.Conflict}, writeWith: createMember,
		},
		{
			Method: http.MethodGet, Path: "/members/{user_id}", ID: "get-member", Tag: "Members", Permission: operator.ReadMembers, Trips: 1,
			Summary: "Open a member",
			Doc:     "A member with its relations. Every photo has a link that is good for minutes; the phone is masked, and documents have no link: see `reveal`.",
			query:   []param{includeParam(relations), deletedParam()}, answer: one, tagged: true, status: http.StatusOK,
			faults: []fault.Kind{fault.NotFound}, readWith: getMember,
		},
		{
			Method: http.MethodPatch, Path: "/members/{user_id}", ID: "update-member", Tag: "Members", Permission: operator.WriteMembers, Shows: operator.ReadMembers, Writes: true, Trips: 3,
			Summary: "Change a member",
			Doc:     "Applies a JSON merge patch to the member, its profile, lifestyle, preference and subscription. With If-Match, a member that was changed meanwhile is left alone, and the answer shows what changed.",
			Fields:  map[string]operator.Permission{"phone": operator.WritePhones, "status": operator.ReviewMembers},
			body:    reflect.TypeFor[MemberPatch](), accepts: []string{typeMerge, typeJSON}, compares: true,
			answer: one, tagged: true, status: http.StatusOK,
			faults: []fault.Kind{fault.NotFound, fault.Conflict, fault.Stale}, writeWith: updateMember,
		},
		{
			Method: http.MethodDelete, Path: "/members/{user_id}", ID: "delete-member", Tag: "Members", Permission: operator.DeleteMembers, Shows: operator.ReadMembers, Writes: true, Trips: 3,
			Summary: "Delete a member",
			Doc:     "Takes the member out of every list, count and detail. It can be restored.",
			answer:  one, tagged: true, compares: true, status: http.StatusOK,
			faults: []fault.Kind{fault.NotFound, fault.Stale}, writeWith: changeMember(member.Delete),
		},
		{
			Method: http.MethodPost, Path: "/members/{user_id}/restore", ID: "restore-member", Tag: "Members", Permission: operator.DeleteMembers, Shows: operator.ReadMembers, Writes: true, Trips: 3,
			Summary: "Restore a member",
			Doc:     "Brings a deleted member back as it was. One that is not deleted is left as it is.",
			answer:  one, tagged: true, compares: true, repeated: true, status: http.StatusOK,
			faults: []fault.Kind{fault.NotFound, fault.Conflict, fault.Stale}, writeWith: changeMember(member.Restore),
		},
	}
}

var relations = []string{"profile", "lifestyle", "preference", "subscription", "photos", "documents"}

// includeParam lets the caller say which relations are shown; usual are those
// of a caller who does not.
func includeParam(usual []string) param {
	p := param{
		name: "include", kind: huma.TypeString, list: true, choices: relations, max: len(relations),
		doc: "The relations to show.", example: []string{"profile", "photos"},
	}
	if usual != nil {
		p.fallback = usual
	}
	return p
}

func deletedParam() param {
	return param{
		name: "deleted", kind: huma.TypeString, choices: []string{string(directory.OnlyDeleted), string(directory.AlsoDeleted)}, max: 16,
		doc: "Deleted members are not shown unless this asks for them: `only` these, or `include` them.",
	}
}

// Bounds of what a filter takes.
const (
	minYear, maxYear = 1900, 2100
	maxPage          = 200
	usualPage        = 50
	maxText          = 200
)

func listParams() []param {
	text := func(name, doc string, max int, choices ...string) param {
		return param{name: name, doc: doc, kind: huma.TypeString, choices: choices, min: 1, max: max}
	}
	year := func(name, doc string) param {
		return param{name: name, doc: doc, kind: huma.TypeInteger, min: minYear, max: maxYear, example: 1990}
	}
	moment := func(name, doc string) param {
		return param{name: name, doc: doc, kind: huma.TypeString, format: "date-time", example: "2026-01-31T00:00:00Z"}
	}
	flag := func(name, doc string) param { return param{name: name, doc: doc, kind: huma.TypeBoolean} }
	status, gender := words(member.Statuses()), words(member.Genders())
	return []param{
		text("q", "Free text: part of a name in any script, the last four digits of a phone, or an id. More of a phone takes `phones:reveal`, and counts as a reveal.", maxText),
		{name: "status", doc: "Any of these states.", kind: huma.TypeString, list: true, choices: status, max: len(status)},
		{name: "gender", doc: "Any of these genders.", kind: huma.TypeString, list: true, choices: gender, max: len(gender)},
		year("birth_year_from", "Born in this year or later."),
		year("birth_year_to", "Born in this year or earlier."),
		moment("created_from", "Created at this time or later."),
		moment("created_to", "Created before this time."),
		moment("updated_from", "Changed at this time or later."),
		moment("updated_to", "Not changed since this time."),
		text("region", "The region of the profile, as it is stored.", maxText),
		flag("has_photos", "With photos, or without."),
		flag("has_documents", "With documents, or without."),
		text("subscription", "The status of the current subscription, or `none`.", maxText, subscriptions()...),
		text("plan", "The plan of the current subscription.", maxText),
		deletedParam(),
		{
			name: "sort", doc: "The order; - in front turns it round. Members that are alike in it are ordered by age.",
			kind: huma.TypeString, choices: sortOrders(), max: maxText, fallback: "-created_at",
		},
		includeParam(nil),
		{name: "limit", doc: "Members on a page.", kind: huma.TypeInteger, min: 1, max: maxPage, fallback: usualPage},
		text("cursor", "The next_cursor of the page before, with the same filter and order.", 1024),
	}
}

func words[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}

func subscriptions() []string {
	return []string{
		string(member.SubscriptionActive), string(member.SubscriptionPaused),
		string(member.SubscriptionCancelled), string(member.SubscriptionExpired), "none",
	}
}

func sortOrders() []string {
	var list []string
	for _, by := range []directory.SortKey{directory.ByCreated, directory.ByUpdated, directory.ByName, directory.ByBirthYear} {
		list = append(list, string(by), "-"+string(by))
	}
	return list
}

func listMembers(a *API, in *input) reading {
	o := listOptions(in)
	scope := scopeOf("members", in)
	if token := in.text("cursor"); token != "" {
		o.After = new(directory.Cursor)
		if err := a.cursors.Open(scope, token, o.After); err != nil {
			in.wrong.Add("cursor", errCursor.Code, "%s", errCursor.Message)
		}
	}
	ready := reading{once: o.Once()}
	if directory.SearchesPhone(a.rules, o.Filter.Text) {
		ready.takes = operator.Of(operator.RevealPhones)
		// Which phone it was is no business of the record: it would tell it.
		ready.reveal = audit.Event{Action: member.ActionSearched, Target: "phone", Became: map[string]any{"sort": in.text("sort"), "further_page": in.text("cursor") != ""}}
	}
	ready.run = func(ctx context.Context, r *session.Read) (reply, error) {
		page, err := directory.List(ctx, r, a.rules, o)
		if err != nil {
			return reply{}, err
		}
		shown := MemberPage{Items: make([]Member, len(page.Items)), Total: page.Total}
		for i := range page.Items {
			if shown.Items[i], err = a.show(&page.Items[i], o.Include, in.now); err != nil {
				return reply{}, err
			}
		}
		if page.Next != nil {
			next, err := a.cursors.Seal(scope, page.Next)
			if err != nil {
				return reply{}, err
			}
			shown.NextCursor = &next
		}
		return reply{body: shown}, nil
	}
	return ready
}

func listOptions(in *input) directory.ListOptions {
	f := directory.Filter{
		BirthYearFrom: in.integer("birth_year_from"), BirthYearTo: in.integer("birth_year_to"),
		CreatedFrom: in.moment("created_from"), CreatedTo: in.moment("created_to"),
		UpdatedFrom: in.moment("updated_from"), UpdatedTo: in.moment("updated_to"),
		Region: in.text("region"), Plan: in.text("plan"), Subscription: directory.Subscription(in.text("subscription")), Text: in.text("q"),
		HasPhotos: in.boolean("has_photos"), HasDocuments: in.boolean("has_documents"),
		Deleted: directory.Deleted(in.text("deleted")),
	}
	for _, s := range in.texts("status") {
		f.Status = append(f.Status, member.Status(s))
	}
	for _, g := range in.texts("gender") {
		f.Gender = append(f.Gender, member.Gender(g))
	}
	before := func(a, b int) bool { return b < a }
	ordered(in.params, "birth_year_from", f.BirthYearFrom, "birth_year_to", f.BirthYearTo, before)
	ordered(in.params, "created_from", f.CreatedFrom, "created_to", f.CreatedTo, time.Time.After)
	ordered(in.params, "updated_from", f.UpdatedFrom, "updated_to", f.UpdatedTo, time.Time.After)
	o := directory.ListOptions{Filter: f, Include: includes(in, 0)}
	if sort := in.text("sort"); sort != "" {
		o.Sort = directory.Order(sort).Sort()
	}
	if limit := in.integer("limit"); limit != nil {
		o.Limit = *limit
	}
	return o
}

// includes reads the relations to show.
func includes(in *input, fallback member.Relations) member.Relations {
	names := in.texts("include")
	if names == nil {
		return fallback
	}
	return member.With(names...)
}

// scopeOf says which list a cursor is of: the filter and the order, but not how
// much of it a page shows.
func scopeOf(list string, in *input) string {
	h := fnv.New128a()
	for _, name := range sortedKeys(in.values) {
		if !slices.Contains([]string{"cursor", "limit", "include"}, name) {
			_, _ = h.Write([]byte(name + "\x00" + strings.Join(in.values[name], "\x00") + "\x00\x00"))
		}
	}
	return list + " " + base64.RawStdEncoding.EncodeToString(h.Sum(nil))
}

func getMember(a *API, in *input) reading {
	rel := includes(in, member.WithAll)
	load := rel
	deleted := directory.Deleted(in.text("deleted"))
	if deleted != directory.WithoutDeleted {
		load |= member.IncludeDeleted
	}
	return reading{once: true, run: func(ctx context.Context, r *session.Read) (reply, error) {
		d, err := session.Run(ctx, r, member.Load(in.member, load))
		if err == nil && deleted == directory.OnlyDeleted && d.DeletedAt == nil {
			err = member.NotFound(in.member)
		}
		if err != nil {
			return reply{}, err
		}
		return a.shown(&d, rel, in.now)
	}}
}

// shown is the answer that shows one member.
func (a *API) shown(d *member.Detail, rel member.Relations, now time.Time) (reply, error) {
	v, err := a.show(d, rel, now)
	return reply{body: v, etag: tagOf(d.Version, rel, now)}, err
}

func createMember(a *API, in *input) writer {
	var n NewMember
	if err := decode(in.body, &n); err != nil {
		in.refuse(err)
		return nil
	}
	m := n.member()
	if err := a.rules.Check(&m, in.now); err != nil {
		in.refuse(err)
		return nil
	}
	return func(_ context.Context, w *session.Write) (reply, error) {
		d := member.Create(w, in.recorder, a.rules, m, in.now)
		answer, err := a.shown(&d, member.WithAll, in.now)
		answer.location = prefix + "/members/" + d.ID.String()
		return answer, err
	}
}

func (n *NewMember) member() member.Detail {
	m := member.Detail{
		User:    member.User{Phone: n.Phone, Name: n.Name, Gender: n.Gender, BirthYear: n.BirthYear},
		Profile: n.Profile, Lifestyle: n.Lifestyle, Preference: n.Preference,
	}
	if s := n.Subscription; s != nil {
		m.Subscription = &member.Subscription{Plan: s.Plan, Status: s.Status, ExpiresAt: s.ExpiresAt}
		if s.StartedAt != nil {
			m.Subscription.StartedAt = *s.StartedAt
		}
	}
	return m
}

func updateMember(a *API, in *input) writer {
	if err := checkObject(in.body); err != nil {
		in.refuse(err)
		return nil
	}
	return changeMember(func(ctx context.Context, w *session.Write, by audit.Recorder, rules member.Rules, id ids.Member, version *int64, at time.Time) (member.Detail, error) {
		return member.Update(ctx, w, by, rules, id, in.body, version, at)
	})(a, in)
}

// change is an operation that changes one member, if it is of the version.
type change func(ctx context.Context, w *session.Write, by audit.Recorder, rules member.Rules, id ids.Member, version *int64, at time.Time) (member.Detail, error)

func changeMember(change change) func(*API, *input) writer {
	return func(a *API, in *input) writer {
		return func(ctx context.Context, w *session.Write) (reply, error) {
			version, err := expected(ctx, w, in)
			if err != nil {
				return reply{}, err
			}
			d, err := change(ctx, w, in.recorder, a.rules, in.member, version, in.now)
			if err != nil {
				return reply{}, err
			}
			return a.shown(&d, member.WithAll, in.now)
		}
	}
}

// never is a version that no member has.
const never int64 = -1

// expected is the version that If-Match asks for, or nil. Of several it is the
// one that is stored, if that is among them.
func expected(ctx context.Context, w *session.Write, in *input) (*int64, error) {
	list := in.ifMatch.versions()
	switch {
	case list == nil:
		return nil, nil //nolint:nilnil // nothing is asked for
	case len(list) == 0:
		return new(never), nil
	case len(list) == 1:
		return &list[0], nil
	}
	d, err := session.Run(ctx, w, member.Load(in.member, member.IncludeDeleted))
	if err != nil {
		return nil, err
	}
	if !slices.Contains(list, d.Version) {
		return new(never), nil
	}
	return &d.Version, nil
}
