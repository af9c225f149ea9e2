package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/directory"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/privacy"
	"github.com/musterhq/muster/internal/rest"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// members are the operations on members.
type members struct {
	reveals
	rules   member.Rules
	cursors *query.CursorKey
}

// MemberPage is a page of the list of members.
type MemberPage struct {
	Items      []member.View   `json:"items" doc:"The members of the page."`
	NextCursor *string         `json:"next_cursor" doc:"The cursor of the next page; null on the last page." readOnly:"true"`
	Total      directory.Total `json:"total" doc:"The number of members that pass the filter."`
}

func (m members) operations() []*rest.Endpoint {
	remove := m.require(Access{Permission: operator.DeleteMembers, Answer: operator.ReadMembers})
	list := rest.Operation{
		Method: http.MethodGet, Path: "/members", ID: "list-members", Tag: "Members", Trips: 3,
		Summary: "List members",
		Doc:     "Returns the members that pass every filter, page by page. A page deep in the list costs as much as the first.",
		Faults:  []fault.Kind{fault.Limited},
	}
	search := list
	search.Method, search.Path, search.ID, search.QueryInBody = http.MethodPost, "/members/search", "search-members", true
	search.Summary = "Search for members"
	search.Doc = "Returns the same list for parameters in the body, so that the name or phone you search for is in no URL, which proxies and browsers remember."
	search.Example = map[string]any{"q": "바다", "status": []string{"pending"}, "limit": 20}
	return []*rest.Endpoint{
		rest.LoggedRead(list, m.may(operator.ReadMembers), m.revealsPhone, m.logSearch, m.list),
		rest.LoggedRead(search, m.may(operator.ReadMembers), m.revealsPhone, m.logSearch, m.list),
		rest.Write(rest.Operation{
			Method: http.MethodPost, Path: "/members", ID: "create-member", Tag: "Members", Trips: 2, Repeatable: true,
			Summary: "Create a member",
			Doc:     "Creates a pending member with the given relations, all or nothing. With an Idempotency-Key, a repetition within 24 hours returns the first answer and creates nothing.",
			Faults:  []fault.Kind{fault.Conflict},
			Example: map[string]any{
				"phone": "+821012345678", "name": "김바다", "gender": "female", "birth_year": 1992,
				"profile": map[string]any{"height": 168, "occupation": "architect", "region": "Seoul"},
			},
		}, m.require(Access{
			Permission: operator.WriteMembers, Answer: operator.ReadMembers,
			Fields: map[string]operator.Permission{"phone": operator.WritePhones},
		}), m.create),
		rest.Query(rest.Operation{
			Method: http.MethodGet, Path: "/members/{user_id}", ID: "get-member", Tag: "Members", Trips: 1,
			Summary: "Get a member",
			Doc:     "Returns a member with its relations. Each photo has a link that is valid for minutes. The phone number is masked and documents have no link: see `reveal`.",
			Faults:  []fault.Kind{fault.NotFound},
		}, m.may(operator.ReadMembers), m.get),
		rest.Write(rest.Operation{
			Method: http.MethodPatch, Path: "/members/{user_id}", ID: "update-member", Tag: "Members", Trips: 3,
			Summary: "Update a member",
			Doc:     "Applies a JSON merge patch to the member, its profile, lifestyle, preference and subscription. With If-Match, a member that has changed meanwhile is left alone, and the answer shows what changed.",
			Faults:  []fault.Kind{fault.NotFound, fault.Conflict, fault.Stale},
			Example: map[string]any{"status": "approved", "profile": map[string]any{"region": "Busan", "employer": nil}},
		}, m.require(Access{
			Permission: operator.WriteMembers, Answer: operator.ReadMembers,
			Fields: map[string]operator.Permission{"phone": operator.WritePhones, "status": operator.ReviewMembers},
		}), m.update),
		rest.Write(rest.Operation{
			Method: http.MethodDelete, Path: "/members/{user_id}", ID: "delete-member", Tag: "Members", Trips: 3,
			Summary: "Delete a member",
			Doc:     "Removes the member from every list, count and detail. The member can be restored.",
			Faults:  []fault.Kind{fault.NotFound, fault.Stale},
		}, remove, m.delete),
		rest.Write(rest.Operation{
			Method: http.MethodPost, Path: "/members/{user_id}/restore", ID: "restore-member", Tag: "Members", Trips: 3, Repeatable: true,
			Summary: "Restore a member",
			Doc:     "Restores a deleted member unchanged. A member that is not deleted stays as it is.",
			Faults:  []fault.Kind{fault.NotFound, fault.Stale, fault.Conflict},
		}, remove, m.restore),
	}
}

// listMembers are the parameters of a list.
type listMembers struct {
	directory.Filter
	Order   directory.Order       `query:"sort" doc:"The order; a leading - reverses it. Members that are equal in it are ordered by time of creation." default:"-created_at"`
	Include []member.RelationName `query:"include" doc:"The relations to show." example:"profile,photos"`
	page
}

func (in *listMembers) options() directory.ListOptions {
	return directory.ListOptions{Filter: in.Filter, Sort: in.Order.Sort(), Limit: in.Limit, Include: member.Include(in.Include)}
}

// scope identifies the list.
func (in *listMembers) scope() string { return scopeOf("members", &in.Filter, string(in.Order)) }

// Once reports whether the list asks once.
func (in *listMembers) Once() bool { return in.options().Once() }

// revealsPhone reports whether a search tells more of a phone than is shown.
func (m members) revealsPhone(in listMembers) bool { return directory.SearchesPhone(m.rules, in.Text) }

// logSearch records a search by phone, within the limit of reveals. The audit log
// does not say for which phone: that would tell it.
func (m members) logSearch(ctx context.Context, w *session.Write, c *Call, in listMembers) error {
	recorded := m.record(ctx, w, c.Recorder, audit.Event{
		Action: member.ActionSearched, Target: "phone", Became: map[string]any{"sort": string(in.Order), "further_page": in.Cursor != ""},
	}, c.At)
	caller, err := c.Caller(ctx, w.Read)
	if err != nil {
		return err
	}
	if err := (need{all: operator.Of(operator.RevealPhones)}).check(caller); err != nil {
		return err
	}
	return recorded
}

func (m members) list(ctx context.Context, r *session.Read, c *Call, in listMembers) (page MemberPage, err error) {
	o := in.options()
	scope := in.scope()
	if o.After, err = openCursor[directory.Cursor](m.cursors, scope, in.Cursor); err != nil {
		return page, err
	}
	found, err := directory.List(ctx, r, m.rules, o)
	if err != nil {
		return page, err
	}
	page.Total, page.Items = found.Total, make([]member.View, len(found.Items))
	for i := range found.Items {
		if page.Items[i], err = m.show(&found.Items[i], o.Include, c.At); err != nil {
			return page, err
		}
	}
	page.NextCursor, err = sealCursor(m.cursors, scope, found.Next)
	return page, err
}

// createMember takes a member as it is created.
type createMember struct{ rest.Raw[member.Detail] }

func (m members) create(_ context.Context, w *session.Write, c *Call, in createMember) (created rest.Created[rest.Tagged[member.View]], err error) {
	d, err := m.rules.Decode(in.Body, c.At)
	if err != nil {
		return created, err
	}
	d = member.Create(w, c.Recorder, m.rules, d, c.At)
	created.Location = Prefix + "/members/" + d.ID.String()
	created.Value, err = m.tagged(&d, member.WithAll, c.At)
	return created, err
}

type getMember struct {
	memberPath
	Include []member.RelationName `query:"include" doc:"The relations to show; all if absent." example:"profile,photos"`
	Deleted directory.Deleted     `query:"deleted" doc:"A deleted member is found only if this asks for only deleted members, or includes them."`
}

func (m members) get(c *Call, in getMember) query.Query[rest.Tagged[member.View]] {
	rel := member.WithAll
	if in.Include != nil {
		rel = member.Include(in.Include)
	}
	load := rel
	if in.Deleted != directory.WithoutDeleted {
		load |= member.IncludeDeleted
	}
	return query.Map(member.Load(in.Member, load), func(d member.Detail) (rest.Tagged[member.View], error) {
		if in.Deleted == directory.OnlyDeleted && d.DeletedAt == nil {
			return rest.Tagged[member.View]{}, member.NotFound(in.Member)
		}
		return m.tagged(&d, rel, c.At)
	})
}

// changeMember takes the version of a member that is to change.
type changeMember struct {
	memberPath
	rest.IfMatch
}

// change runs a change on the version that the caller requires.
func (m members) change(ctx context.Context, w *session.Write, c *Call, in changeMember, run func(version *int64) (member.Detail, error)) (t rest.Tagged[member.View], err error) {
	version, err := in.Version(func() (int64, error) {
		d, err := session.Run(ctx, w, member.Load(in.Member, member.IncludeDeleted))
		return d.Version, err
	})
	if err != nil {
		return t, err
	}
	d, err := run(version)
	if err != nil {
		return t, err
	}
	return m.tagged(&d, member.WithAll, c.At)
}

type updateMember struct {
	changeMember
	rest.Raw[member.Detail]
}

func (m members) update(ctx context.Context, w *session.Write, c *Call, in updateMember) (rest.Tagged[member.View], error) {
	return m.change(ctx, w, c, in.changeMember, func(version *int64) (member.Detail, error) {
		return member.Update(ctx, w, c.Recorder, m.rules, in.Member, in.Body, version, c.At)
	})
}

func (m members) delete(ctx context.Context, w *session.Write, c *Call, in changeMember) (rest.Tagged[member.View], error) {
	return m.change(ctx, w, c, in, func(version *int64) (member.Detail, error) {
		return member.Delete(ctx, w, c.Recorder, m.rules, in.Member, version, c.At)
	})
}

func (m members) restore(ctx context.Context, w *session.Write, c *Call, in changeMember) (rest.Tagged[member.View], error) {
	return m.change(ctx, w, c, in, func(version *int64) (member.Detail, error) {
		return member.Restore(ctx, w, c.Recorder, m.rules, in.Member, version, c.At)
	})
}

// photoLife is how long the link of a photo is valid, at least.
const photoLife = 15 * time.Minute

// tagged returns a member as it is shown, with its entity tag. The links of photos
// change with their windows, and so does the tag.
func (m members) tagged(d *member.Detail, rel member.Relations, now time.Time) (rest.Tagged[member.View], error) {
	v, err := m.show(d, rel, now)
	var windows []int64
	if rel&member.WithPhotos != 0 {
		_, until := blob.Lifetime(now, photoLife)
		windows = []int64{until.Unix()}
	}
	return rest.Tagged[member.View]{Value: v, ETag: rest.ETag(d.Version, windows...)}, err
}

// show returns a member as it is shown: masked, with signed links. It changes d.
func (m members) show(d *member.Detail, rel member.Relations, now time.Time) (member.View, error) {
	d.Phone = privacy.PhoneOrNone(d.Phone)
	if rel&member.WithPhotos != 0 {
		if err := m.sign(d.Photos, now); err != nil {
			return member.View{}, err
		}
	}
	return member.View{Detail: *d, Include: rel}, nil
}

// sign sets the links of photos.
func (m members) sign(photos []media.Photo, now time.Time) error {
	_, until := blob.Lifetime(now, photoLife)
	for i := range photos {
		p := &photos[i]
		url, err := m.blob.Sign(p.Key, blob.SignOptions{Expires: photoLife, ContentType: p.ContentType}, now)
		if err != nil {
			return fmt.Errorf("signing the link of photo %s: %w", p.ID, unclassified{err})
		}
		p.URL, p.URLExpiresAt = url, until.UTC()
	}
	return nil
}
