package main

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/musterhq/muster/internal/rest"
	"github.com/musterhq/muster/session"
)

// meter counts requests. Labels name routes and classes, never a person, an id
// or a path, so that there are few of them.
type meter struct {
	requests *prometheus.HistogramVec
	trips    prometheus.Counter
	database prometheus.Counter
	retries  prometheus.Counter
	registry *prometheus.Registry
}

// requestSeconds are the bounds of durations: a member's page takes less than a
// millisecond, and no request more than half a minute.
var requestSeconds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30}

func newMeter(nodes func() []session.Node) *meter {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &meter{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "muster_http_request_duration_seconds", Help: "How long requests took.", Buckets: requestSeconds,
		}, []string{"route", "method", "class"}),
		trips:    counter("muster_database_round_trips_total", "Exchanges of requests with the database."),
		database: counter("muster_database_seconds_total", "Time of requests in exchanges with the database, waiting for a connection included."),
		retries:  counter("muster_database_retries_total", "Write sessions of requests that were run again after a conflict."),
		registry: prometheus.NewRegistry(),
	}
	b := thisBuild()
	info := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "muster_build_info", Help: "Which Muster this is.", ConstLabels: prometheus.Labels{"version": b.Version, "commit": b.Commit},
	}, func() float64 { return 1 })
	m.registry.MustRegister(m.requests, m.trips, m.database, m.retries, info, nodeCollector(nodes),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe counts one request.
func (m *meter) observe(s rest.Seen) {
	class := strconv.Itoa(s.Status/100) + "xx"
	m.requests.WithLabelValues(s.Route, s.Method, class).Observe(s.Took.Seconds())
	m.trips.Add(float64(s.Spent.RoundTrips))
	m.database.Add(s.Spent.Database.Seconds())
	if s.Spent.Retries > 0 {
		m.retries.Add(float64(s.Spent.Retries))
	}
}

// meter serves the metrics where the flag says, until done; without the flag
// there are none.
func (s *server) meter(ctx context.Context) (observe func(rest.Seen), done func(), err error) {
	if s.Metrics == "" {
		return nil, func() {}, nil
	}
	l, err := listen(ctx, s.Metrics, "--metrics-listen")
	if err != nil {
		return nil, nil, err
	}
	m := newMeter(s.store.engine.nodes)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	h := &http.Server{
		Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second,
		ErrorLog: rest.ConnectionLog(s.log),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("metrics are not served any more", "error", err)
		}
	}()
	s.log.Info("serving metrics", "address", l.Addr().String())
	return m.observe, func() {
		_ = h.Close() // who asks for metrics asks again
		<-ended
	}, nil
}

// nodeCollector gives what is known of the servers at the moment.
type nodeCollector func() []session.Node

func describeNode(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("muster_node_"+name, help, append([]string{"node"}, labels...), nil)
}

var (
	nodeUp       = describeNode("up", "Whether the server of the database answers.")
	nodeRole     = describeNode("role", "1 for the role that the server has.", "role")
	nodeLag      = describeNode("lag_seconds", "How old the newest change is that the server shows, if it does not show all.")
	nodeTimeline = describeNode("timeline", "The server's timeline; a failover begins a new one.")
	nodeInUse    = describeNode("connections_in_use", "Connections of this process to the server that are in use.")
	nodeSize     = describeNode("connections_max", "Connections of this process to the server that there may be.")
)

// Describe implements [prometheus.Collector].
func (nodeCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{nodeUp, nodeRole, nodeLag, nodeTimeline, nodeInUse, nodeSize} {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
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
