package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"path"
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
	"github.com/musterhq/muster/internal/rest"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

const (
	// defaultReveals is how often in an hour an operator may see masked values.
	defaultReveals = 30
	revealPeriod   = time.Hour
	revealRetry    = "3600" // seconds
	// revealLife is how long the link to a document is valid: with the window in
	// which it is signed, a minute at most.
	revealLife = 40 * time.Second
)

// reveals shows what is masked, within a limit and on the audit log.
type reveals struct {
	*tokens
	blob  blob.Store
	limit int // for each operator and hour
}

// RevealRequest asks for what is masked of a member.
type RevealRequest struct {
	Fields []string `json:"fields" doc:"The fields to reveal." example:"phone" enum:"phone" required:"true" minItems:"1" maxItems:"1"`
	reason
}

// DocumentRequest asks for a document.
type DocumentRequest struct{ reason }

// reason is why somebody must see what is masked.
type reason struct {
	Reason string `json:"reason" doc:"The reason. It is kept in the audit log." example:"the member asked to be called back" minLength:"10" maxLength:"500" lines:"true"`
}

// Check implements [field.Checker]: the reason says something.
func (r *reason) Check(wrong *fault.Fields, prefix string) {
	if f := fault.As(privacy.CheckReason(r.Reason)); f != nil {
		for _, field := range f.Fields {
			wrong.Add(prefix+field.Name, field.Code, "%s", field.Message)
		}
	}
}

// Revealed is what was masked of a member.
type Revealed struct {
	ID    ids.Member `json:"id" doc:"The ID. IDs sort by time of creation." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	Phone *string    `json:"phone" doc:"The phone number in E.164; null if there is none." example:"+821012345678" readOnly:"true"`
}

// RevealedDocument is a link to a document.
type RevealedDocument struct {
	ID           ids.Document `json:"id" doc:"The ID. IDs sort by time of creation." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	URL          string       `json:"url" doc:"The signed link. Anyone who has it can fetch the document until url_expires_at, at most a minute." example:"http://127.0.0.1:8080/media/…" format:"uri-reference" readOnly:"true"`
	URLExpiresAt time.Time    `json:"url_expires_at" doc:"The time at which the link expires." example:"2026-01-31T09:00:00.123456Z" readOnly:"true"`
}

func (r reveals) operations() []*rest.Endpoint {
	return []*rest.Endpoint{
		rest.Write(rest.Operation{
			Method: http.MethodPost, Path: "/members/{user_id}/reveal", ID: "reveal-member", Tag: "Members", Trips: 2,
			Summary: "Reveal masked fields of a member",
			Doc:     "Returns the phone number in full. The request needs a reason, is written to the audit log before it is answered, and is limited per operator and hour.",
			Faults:  []fault.Kind{fault.NotFound, fault.Limited},
			Example: map[string]any{"fields": []string{"phone"}, "reason": "the member asked to be called back"},
		}, r.may(operator.RevealPhones), r.member),
		rest.Write(rest.Operation{
			Method: http.MethodPost, Path: "/members/{user_id}/documents/{document_id}/reveal", ID: "reveal-document", Tag: "Members", Trips: 2,
			Summary: "Open a document",
			Doc:     "Returns a link to the document that is valid for at most a minute. The request needs a reason, is written to the audit log before it is answered, and is limited per operator and hour.",
			Faults:  []fault.Kind{fault.NotFound, fault.Limited},
			Example: map[string]any{"reason": "comparing the name with the application"},
		}, r.may(operator.RevealDocuments), r.document),
	}
}

// counted are the entries that count against the limit.
var counted = []audit.Action{member.ActionRevealed, member.ActionOpened, member.ActionSearched}

// record records that the caller sees something masked, unless the caller has
// reached the limit. The parts travel with the question how often that was. Two
// requests at once count each other: write sessions are serialisable. Faults:
// too_many_reveals.
func (r reveals) record(ctx context.Context, w *session.Write, by audit.Recorder, e audit.Event, at time.Time, parts ...query.Part) error {
	var seen int
	parts = append(parts, query.Into(&seen, audit.Count(by.Operator(), counted, at.Add(-revealPeriod))))
	if err := w.Gather(ctx, parts...); err != nil {
		return err
	}
	if seen >= r.limit {
		return &rest.Failure{
			Fault: fault.New(fault.Limited, "too_many_reveals", "An operator may see masked values at most %d times an hour. Wait, or ask a colleague.", r.limit).
				With(map[string]int{"limit": r.limit}),
			Header: "Retry-After", Value: revealRetry,
		}
	}
	by.Record(w, e, at)
	return nil
}

type revealMember struct {
	memberPath
	RevealRequest
}

func (r reveals) member(ctx context.Context, w *session.Write, c *Call, in revealMember) (Revealed, error) {
	var d member.Detail
	err := r.record(ctx, w, c.Recorder.WithReason(in.Reason), audit.Event{Action: member.ActionRevealed, Member: in.Member, Target: "phone"}, c.At,
		query.Into(&d, member.Load(in.Member, 0)))
	return Revealed{ID: d.ID, Phone: d.Phone}, err
}

type revealDocument struct {
	memberPath
	Document ids.Document `path:"document_id" doc:"The ID of the document." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid"`
	DocumentRequest
}

var errNoDocument = fault.New(fault.NotFound, "document_not_found", "The member has no such document.")

func (r reveals) document(ctx context.Context, w *session.Write, c *Call, in revealDocument) (RevealedDocument, error) {
	var d member.Detail
	err := r.record(ctx, w, c.Recorder.WithReason(in.Reason), audit.Event{Action: member.ActionOpened, Member: in.Member, Target: in.Document.String()}, c.At,
		query.Into(&d, member.Load(in.Member, member.WithDocuments)))
	if err != nil {
		return RevealedDocument{}, err
	}
	i := slices.IndexFunc(d.Documents, func(x media.Document) bool { return x.ID == in.Document })
	if i < 0 {
		return RevealedDocument{}, errNoDocument
	}
	return r.link(&d.Documents[i], c.At)
}

// link signs a link to a document. A browser saves the document and does not show
// it; the name of the file says what it is and not whose.
func (r reveals) link(d *media.Document, now time.Time) (RevealedDocument, error) {
	url, err := r.blob.Sign(d.Key, blob.SignOptions{
		Expires: revealLife, ContentType: d.ContentType, Filename: d.Kind + path.Ext(d.Key),
	}, now)
	if err != nil {
		return RevealedDocument{}, fmt.Errorf("signing the link of document %s: %w", d.ID, unclassified{err})
	}
	_, until := blob.Lifetime(now, revealLife)
	return RevealedDocument{ID: d.ID, URL: url, URLExpiresAt: until.UTC()}, nil
}

// unclassified hides a fault of the store: a row whose key cannot be signed is our
// failure and not the caller's.
type unclassified struct{ err error }

func (u unclassified) Error() string { return u.err.Error() }
