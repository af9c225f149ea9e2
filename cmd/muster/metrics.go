package main

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/musterhq/muster/internal/rest"
	"github.com/musterhq/muster/internal/worker"
	"github.com/musterhq/muster/session"
)

// meter counts requests and the turns of background tasks. Labels name routes,
// classes and tasks, never a person, an ID or a path: there are few of them.
type meter struct {
	requests *prometheus.HistogramVec
	trips    prometheus.Counter
	database prometheus.Counter
	retries  prometheus.Counter
	turns    *prometheus.HistogramVec
	success  *prometheus.GaugeVec
	registry *prometheus.Registry
}

// requestSeconds are the bounds of durations: a page of members takes less than
// a millisecond, and no request more than half a minute.
var requestSeconds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30}

// turnSeconds are the bounds of turns: most find nothing to do.
var turnSeconds = []float64{.001, .01, .1, 1, 10, 60}

func newMeter(nodes func() []session.Node) *meter {
	registry := prometheus.NewRegistry()
	create := promauto.With(registry)
	counter := func(name, help string) prometheus.Counter {
		return create.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	b := thisBuild()
	create.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "muster_build_info", Help: "The version of Muster.", ConstLabels: prometheus.Labels{"version": b.Version, "commit": b.Commit},
	}, func() float64 { return 1 })
	registry.MustRegister(nodeCollector(nodes), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return &meter{
		requests: create.NewHistogramVec(prometheus.HistogramOpts{
			Name: "muster_http_request_duration_seconds", Help: "How long requests took.", Buckets: requestSeconds,
		}, []string{"route", "method", "class"}),
		trips:    counter("muster_database_round_trips_total", "Round trips of requests to the database."),
		database: counter("muster_database_seconds_total", "Time of requests in round trips to the database, including waiting for a connection."),
		retries:  counter("muster_database_retries_total", "Write sessions of requests that were run again after a conflict."),
		turns: create.NewHistogramVec(prometheus.HistogramOpts{
			Name: "muster_task_duration_seconds", Help: "How long turns of background tasks took.", Buckets: turnSeconds,
		}, []string{"task", "outcome"}),
		success: create.NewGaugeVec(prometheus.GaugeOpts{
			Name: "muster_task_last_success_timestamp_seconds", Help: "When a turn of a background task last succeeded, as a Unix time.",
		}, []string{"task"}),
		registry: registry,
	}
}

// observe counts one request.
func (m *meter) observe(s rest.Seen) {
	class := strconv.Itoa(s.Status/100) + "xx"
	m.requests.WithLabelValues(s.Route, s.Method, class).Observe(s.Took.Seconds())
	m.trips.Add(float64(s.Spent.RoundTrips))
	m.database.Add(s.Spent.Database.Seconds())
	m.retries.Add(float64(s.Spent.Retries))
}

// observeTurn counts a turn of a background task.
func (m *meter) observeTurn(t worker.Turn) {
	outcome := "failure"
	if t.Err == nil {
		outcome = "success"
		m.success.WithLabelValues(t.Task).Set(float64(t.End.UnixMilli()) / 1e3)
	}
	m.turns.WithLabelValues(t.Task, outcome).Observe(t.Took.Seconds())
}

// observers are called for everything that metrics count; without metrics they
// are nil.
type observers struct {
	request func(rest.Seen)
	turn    func(worker.Turn)
}

// meter serves the metrics if the flag says where, until done.
func (s *server) meter(ctx context.Context) (o observers, done func(), err error) {
	if s.Metrics == "" {
		return o, func() {}, nil
	}
	l, err := listen(ctx, s.Metrics, "--metrics-listen")
	if err != nil {
		return o, nil, err
	}
	m := newMeter(s.store.engine.Nodes)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	s.log.Info("serving metrics", "address", l.Addr().String())
	return observers{m.observe, m.observeTurn}, s.serveBeside(l, "metrics are no longer served", &http.Server{
		Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second,
	}), nil
}

// nodeCollector collects the state of the servers of the database.
type nodeCollector func() []session.Node

func describeNode(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("muster_node_"+name, help, append([]string{"node"}, labels...), nil)
}

var (
	nodeUp       = describeNode("up", "Whether the server of the database answers.")
	nodeRole     = describeNode("role", "1 for the role that the server has.", "role")
	nodeLag      = describeNode("lag_seconds", "The age of the newest change that the server shows; 0 if it shows every change.")
	nodeTimeline = describeNode("timeline", "The timeline of the server; a failover starts a new one.")
	nodeInUse    = describeNode("connections_in_use", "Connections of this process to the server in use.")
	nodeSize     = describeNode("connections_max", "The most connections of this process to the server.")
)

func (nodes nodeCollector) Describe(to chan<- *prometheus.Desc) {
	prometheus.DescribeByCollect(nodes, to)
}

func (nodes nodeCollector) Collect(to chan<- prometheus.Metric) {
	for _, n := range nodes() {
		gauge := func(d *prometheus.Desc, value float64, labels ...string) {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, append([]string{n.Name}, labels...)...)
		}
		up := 0.0
		if n.Healthy {
			up = 1
		}
		gauge(nodeUp, up)
		gauge(nodeRole, 1, n.Role)
		gauge(nodeLag, n.Lag)
		gauge(nodeTimeline, float64(n.Timeline))
		gauge(nodeInUse, float64(n.Pool.InUse))
		gauge(nodeSize, float64(n.Pool.Size))
	}
}
