package httpapi

import (
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/rest"
	"github.com/musterhq/muster/query"
)

// auditLog are the operations on the audit log.
type auditLog struct {
	*tokens
	cursors *query.CursorKey
}

// AuditPage is a page of the audit log.
type AuditPage struct {
	Items      []audit.Entry `json:"items" doc:"The entries, newest first."`
	NextCursor *string       `json:"next_cursor" doc:"The cursor of the next page; null on the last page." readOnly:"true"`
}

// AppendJSON implements [field.Appender]. Entries are shown as they are stored,
// even if somebody has tampered with them: otherwise one entry would hide all
// others of its page.
func (p *AuditPage) AppendJSON(b []byte) ([]byte, error) {
	type plain AuditPage
	text, err := json.Marshal((*plain)(p), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), json.FormatNilSliceAsNull(true))
	return append(b, text...), err
}

func (a auditLog) operations() []*rest.Endpoint {
	return []*rest.Endpoint{rest.Query(rest.Operation{
		Method: http.MethodGet, Path: "/audit", ID: "list-audit-entries", Tag: "Audit log", Trips: 1,
		Summary: "List audit entries",
		Doc:     "Returns what operators did and saw, newest first. A page may be short or empty and still have a next one: follow next_cursor.",
	}, a.may(operator.ReadAudit), a.list)}
}

// auditFilter narrows the audit log.
type auditFilter struct {
	Operator ids.Operator `query:"operator_id" doc:"Entries of this operator." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid"`
	Member   ids.Member   `query:"member_id" doc:"Entries about this member." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid"`
	Action   audit.Action `query:"action" doc:"Entries of this action." example:"phone.reveal" maxLength:"100"`
	From     *time.Time   `query:"from" doc:"Entries from this time on." example:"2026-01-31T00:00:00Z"`
	To       *time.Time   `query:"to" doc:"Entries before this time." example:"2026-01-31T00:00:00Z"`
}

// Check implements [field.Checker]: the range is in order.
func (f *auditFilter) Check(wrong *fault.Fields, prefix string) {
	field.Ordered(wrong, prefix+"from", f.From, prefix+"to", f.To, time.Time.After)
}

type listAudit struct {
	auditFilter
	page
}

func (a auditLog) list(_ *Call, in listAudit) query.Query[AuditPage] {
	scope := scopeOf("audit", &in.auditFilter, "")
	after, err := openCursor[ids.Row](a.cursors, scope, in.Cursor)
	if err != nil {
		return query.Fail[AuditPage](err)
	}
	if after == nil {
		after = new(ids.Row)
	}
	return query.Map(audit.List(audit.Filter(in.auditFilter), *after, in.Limit), func(found audit.Page) (p AuditPage, err error) {
		p.Items = found.Items
		p.NextCursor, err = sealCursor(a.cursors, scope, found.Next)
		return p, err
	})
}
