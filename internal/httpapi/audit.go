package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/session"
)

// RecordPage is a page of the record.
type RecordPage struct {
	Items      []audit.Entry `json:"items"`
	NextCursor *string       `json:"next_cursor"`
}

func recordOperations() []Operation {
	id := func(name, doc string) param {
		return param{name: name, doc: doc, kind: huma.TypeString, format: "uuid", example: exampleID, max: 36}
	}
	moment := func(name, doc string) param {
		return param{name: name, doc: doc, kind: huma.TypeString, format: "date-time", example: "2026-01-31T00:00:00Z"}
	}
	return []Operation{{
		Method: http.MethodGet, Path: "/audit", ID: "list-record", Tag: "Record", Permission: operator.ReadAudit, Trips: 1,
		Summary: "Read the record",
		Doc:     "What operators did and looked at, the newest first. A page may be short, or empty, and still have a next one: follow next_cursor.",
		query: []param{
			id("operator_id", "Of this operator."), id("member_id", "About this member."),
			{name: "action", doc: "Of this kind, such as `phone.reveal`.", kind: huma.TypeString, min: 1, max: 100, example: "phone.reveal"},
			moment("from", "At this time or later."), moment("to", "Before this time."),
			{name: "limit", doc: "Entries on a page.", kind: huma.TypeInteger, min: 1, max: maxPage, fallback: usualPage},
			{name: "cursor", doc: "The next_cursor of the page before, with the same filter.", kind: huma.TypeString, min: 1, max: 1024},
		},
		answer: reflect.TypeFor[RecordPage](), status: http.StatusOK, readWith: listRecord,
	}}
}

func listRecord(a *API, in *input) reading {
	f := audit.Filter{
		Operator: identifier[ids.Operator](in, "operator_id"), Member: identifier[ids.Member](in, "member_id"),
		Action: audit.Action(in.text("action")), From: in.moment("from"), To: in.moment("to"),
	}
	ordered(in.params, "from", f.From, "to", f.To, time.Time.After)
	limit := usualPage
	if n := in.integer("limit"); n != nil {
		limit = *n
	}
	scope := scopeOf("audit", in)
	var after ids.Row
	if token := in.text("cursor"); token != "" {
		if err := a.cursors.Open(scope, token, &after); err != nil {
			in.wrong.Add("cursor", errCursor.Code, "%s", errCursor.Message)
		}
	}
	return reading{once: true, run: func(ctx context.Context, r *session.Read) (reply, error) {
		page, err := session.Run(ctx, r, audit.List(f, after, limit))
		if err != nil {
			return reply{}, err
		}
		shown := RecordPage{Items: page.Items}
		if page.Next != nil {
			next, err := a.cursors.Seal(scope, page.Next)
			if err != nil {
				return reply{}, err
			}
			shown.NextCursor = &next
		}
		return reply{body: shown}, nil
	}}
}

// identifier gives an id of the query; zero for none.
func identifier[T ~[16]byte](in *input, name string) (id T) {
	text := in.text(name)
	if text == "" {
		return id
	}
	id, err := ids.Parse[T](text)
	if err != nil {
		in.wrong.Add(name, "malformed", "An id is a UUID, such as %s.", exampleID)
	}
	return id
}
