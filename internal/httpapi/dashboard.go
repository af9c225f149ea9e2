package httpapi

import (
	"net/http"
	"time"

	"github.com/musterhq/muster/internal/dashboard"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/rest"
	"github.com/musterhq/muster/query"
)

// numbers are the operations of the dashboard.
type numbers struct {
	*tokens
	rules member.Rules
	zone  *time.Location
}

// SignupSeries is how many members signed up day by day.
type SignupSeries struct {
	From  string                  `json:"from" doc:"The first day." example:"2026-01-01" format:"date"`
	To    string                  `json:"to" doc:"The last day." example:"2026-01-31" format:"date"`
	Items []dashboard.SignupCount `json:"items" doc:"The numbers by day, gender and status. Days without sign-ups are left out."`
}

func (n numbers) operations() []*rest.Endpoint {
	return []*rest.Endpoint{
		rest.Query(rest.Operation{
			Method: http.MethodGet, Path: "/dashboard", ID: "get-dashboard", Tag: "Dashboard", Trips: 1,
			Summary: "Get the dashboard",
			Doc:     "Returns seven numbers of one moment, as_of. They cost the same however many members there are.",
		}, n.may(operator.ReadDashboard), n.summary),
		rest.Query(rest.Operation{
			Method: http.MethodGet, Path: "/dashboard/signups", ID: "get-signups", Tag: "Dashboard", Trips: 1,
			Summary: "Get the sign-ups",
			Doc:     "Returns how many members signed up, by day, gender and status. Deleted members are left out.",
		}, n.may(operator.ReadDashboard), n.signups),
	}
}

func (n numbers) summary(c *Call, _ struct{}) query.Query[dashboard.Summary] {
	return dashboard.Stats(n.rules, c.At)
}

// getSignups are the days of a series.
type getSignups struct {
	From *time.Time `query:"from" doc:"The first day, in the configured time zone; 29 days before to if absent." example:"2026-01-31" format:"date"`
	To   *time.Time `query:"to" doc:"The last day; today if absent." example:"2026-01-31" format:"date"`
}

// Check implements [field.Checker]: the range is in order.
func (in *getSignups) Check(wrong *fault.Fields, prefix string) {
	field.Ordered(wrong, prefix+"from", in.From, prefix+"to", in.To, time.Time.After)
}

// defaultDays is how many days a series has by default.
const defaultDays = 30

func (n numbers) signups(c *Call, in getSignups) query.Query[SignupSeries] {
	to, from := c.At.In(n.zone), in.From
	if in.To != nil {
		to = *in.To
	}
	if from == nil {
		from = new(to.AddDate(0, 0, 1-defaultDays))
	}
	s := SignupSeries{From: from.Format(time.DateOnly), To: to.Format(time.DateOnly)}
	return query.Map(dashboard.Signups(s.From, s.To), func(items []dashboard.SignupCount) (SignupSeries, error) {
		s.Items = items
		return s, nil
	})
}
