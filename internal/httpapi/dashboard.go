package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/musterhq/muster/internal/dashboard"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/session"
)

// SignupSeries is how many signed up from day to day.
type SignupSeries struct {
	From  string                  `json:"from" format:"date"`
	To    string                  `json:"to" format:"date"`
	Items []dashboard.SignupCount `json:"items" doc:"By day, gender and status. Days without sign-ups are left out."`
}

func dashboardOperations() []Operation {
	day := func(name, doc string) param {
		return param{name: name, doc: doc, kind: huma.TypeString, format: "date", example: "2026-01-31"}
	}
	return []Operation{
		{
			Method: http.MethodGet, Path: "/dashboard", ID: "get-dashboard", Tag: "Dashboard", Permission: operator.ReadDashboard, Trips: 1,
			Summary: "See the numbers",
			Doc:     "Seven numbers of one moment, as_of. They cost the same however many members there are.",
			answer:  reflect.TypeFor[dashboard.Summary](), status: http.StatusOK,
			readWith: func(a *API, in *input) reading {
				return reading{once: true, run: func(ctx context.Context, r *session.Read) (reply, error) {
					s, err := dashboard.Stats(ctx, r, a.rules, in.now)
					return reply{body: s}, err
				}}
			},
		},
		{
			Method: http.MethodGet, Path: "/dashboard/signups", ID: "get-signups", Tag: "Dashboard", Permission: operator.ReadDashboard, Trips: 1,
			Summary: "See the sign-ups",
			Doc:     "How many signed up, by day, gender and status, deleted members left out.",
			query: []param{
				day("from", "The first day, in the configured time zone; 29 days before `to` if it is absent."),
				day("to", "The last day; today if it is absent."),
			},
			answer: reflect.TypeFor[SignupSeries](), status: http.StatusOK,
			readWith: signups,
		},
	}
}

// usualDays is how many days a series has if nobody says.
const usualDays = 30

func signups(a *API, in *input) reading {
	from, to := in.day("from", a.zone), in.day("to", a.zone)
	ordered(in.params, "from", from, "to", to, time.Time.After)
	if to == nil {
		to = new(in.now.In(a.zone))
	}
	if from == nil {
		from = new(to.AddDate(0, 0, 1-usualDays))
	}
	series := SignupSeries{From: from.Format(time.DateOnly), To: to.Format(time.DateOnly)}
	return reading{once: true, run: func(ctx context.Context, r *session.Read) (reply, error) {
		items, err := dashboard.Signups(ctx, r, series.From, series.To)
		series.Items = items
		return reply{body: series}, err
	}}
}
