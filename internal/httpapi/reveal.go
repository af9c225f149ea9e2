package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"reflect"
	"slices"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/privacy"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// RevealRequest asks for what is masked of a member, and says why.
type RevealRequest struct {
	Fields []string `json:"fields"`
	Reason string   `json:"reason"`
}

// Revealed is what was masked of a member.
type Revealed struct {
	ID    ids.Member `json:"id"`
	Phone *string    `json:"phone"`
}

// DocumentRequest asks for a document, and says why.
type DocumentRequest struct {
	Reason string `json:"reason"`
}

// RevealedDocument is a link to a document.
type RevealedDocument struct {
	ID           ids.Document `json:"id"`
	URL          string       `json:"url"`
	URLExpiresAt time.Time    `json:"url_expires_at"`
}

// revealable are the fields of a member that can be asked for.
var revealable = []string{"phone"}

func revealOperations() []Operation {
	return []Operation{
		{
			Method: http.MethodPost, Path: "/members/{user_id}/reveal", ID: "reveal-member", Tag: "Members", Permission: operator.RevealPhones, Writes: true, Trips: 2,
			Summary: "See what is masked of a member",
			Doc:     "Gives the phone as it is stored, for a reason. It is on the record before it is answered, and limited for each operator and hour.",
			body:    reflect.TypeFor[RevealRequest](), accepts: []string{typeJSON},
			answer: reflect.TypeFor[Revealed](), status: http.StatusOK,
			faults: []fault.Kind{fault.NotFound, fault.Limited}, writeWith: revealMember,
		},
		{
			Method: http.MethodPost, Path: "/members/{user_id}/documents/{document_id}/reveal", ID: "reveal-document", Tag: "Members", Permission: operator.RevealDocuments, Writes: true, Trips: 2,
			Summary: "Open a document",
			Doc:     "Gives a link to the document that is good for a minute at most, for a reason. It is on the record before it is answered, and limited for each operator and hour.",
			body:    reflect.TypeFor[DocumentRequest](), accepts: []string{typeJSON},
			answer: reflect.TypeFor[RevealedDocument](), status: http.StatusOK,
			faults: []fault.Kind{fault.NotFound, fault.Limited}, writeWith: revealDocument,
		},
	}
}

const (
	// usualReveals is how often in an hour an operator may see what is masked.
	usualReveals = 30
	revealPeriod = time.Hour
	retryReveal  = "3600" // seconds
	// revealLife is how long the link to a document is good: with the window in
	// which it is made, a minute at most.
	revealLife = 40 * time.Second
)

// reveals are the entries that count against the limit.
var reveals = []audit.Action{member.ActionRevealed, member.ActionOpened, member.ActionSearched}

var errNoDocument = fault.New(fault.NotFound, "document_not_found", "The member has no such document.")

// reveal records that the caller sees what is masked, unless that was often
// enough for an hour; parts travel with the question how often. Two requests at
// once count each other: write sessions are serialisable. Faults: too_many_reveals.
func (a *API) reveal(ctx context.Context, w *session.Write, by audit.Recorder, at time.Time, e audit.Event, parts ...query.Part) error {
	var seen int
	parts = append(parts, query.Into(&seen, audit.Count(by.Operator(), reveals, at.Add(-revealPeriod))))
	if err := w.Gather(ctx, parts...); err != nil {
		return err
	}
	if seen >= a.reveals {
		return fault.New(fault.Limited, "too_many_reveals", "An operator sees what is masked %d times in an hour at most; wait, or ask a colleague.", a.reveals).
			With(map[string]int{"limit": a.reveals})
	}
	by.Record(w, e, at)
	return nil
}

func revealMember(a *API, in *input) writer {
	var q RevealRequest
	if err := decode(in.body, &q); err != nil {
		in.refuse(err)
		return nil
	}
	in.reason(q.Reason)
	if len(q.Fields) != 1 || !slices.Contains(revealable, q.Fields[0]) {
		in.wrong.Add("fields", "not_a_choice", "It is a list of what to see: %q.", revealable)
	}
	return func(ctx context.Context, w *session.Write) (reply, error) {
		var d member.Detail
		err := a.reveal(ctx, w, in.recorder.WithReason(q.Reason), in.now, audit.Event{Action: member.ActionRevealed, Member: in.member, Target: "phone"},
			query.Into(&d, member.Load(in.member, 0)))
		return reply{body: Revealed{ID: d.ID, Phone: d.Phone}}, err
	}
}

func revealDocument(a *API, in *input) writer {
	var q DocumentRequest
	if err := decode(in.body, &q); err != nil {
		in.refuse(err)
		return nil
	}
	in.reason(q.Reason)
	return func(ctx context.Context, w *session.Write) (reply, error) {
		var d member.Detail
		err := a.reveal(ctx, w, in.recorder.WithReason(q.Reason), in.now, audit.Event{Action: member.ActionOpened, Member: in.member, Target: in.document.String()},
			query.Into(&d, member.Load(in.member, member.WithDocuments)))
		if err != nil {
			return reply{}, err
		}
		i := slices.IndexFunc(d.Documents, func(x media.Document) bool { return x.ID == in.document })
		if i < 0 {
			return reply{}, errNoDocument
		}
		link, err := a.linkTo(&d.Documents[i], in.now)
		return reply{body: link}, err
	}
}

// linkTo signs a link to a document. It is saved and not shown in place; its name
// says what it is and not whose.
func (a *API) linkTo(d *media.Document, now time.Time) (RevealedDocument, error) {
	url, err := a.blob.Sign(d.Key, blob.SignOptions{
		Expires: revealLife, ContentType: d.ContentType, Filename: d.Kind + path.Ext(d.Key),
	}, now)
	if err != nil {
		return RevealedDocument{}, fmt.Errorf("signing the link of document %s: %w", d.ID, unclassified{err})
	}
	_, until := blob.Lifetime(now, revealLife)
	return RevealedDocument{ID: d.ID, URL: url, URLExpiresAt: until.UTC()}, nil
}

// reason notes a reason that says too little.
func (in *input) reason(text string) {
	if f := fault.As(privacy.CheckReason(text)); f != nil {
		for _, field := range f.Fields {
			in.wrong.Add(field.Name, field.Code, "%s", field.Message)
		}
	}
}
