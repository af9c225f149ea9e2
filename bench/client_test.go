package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestLoadCountsWhatTheServerAnswered(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	var mu sync.Mutex
	remotes := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		mu.Lock()
		remotes[r.RemoteAddr] = true
		mu.Unlock()
		if r.URL.Path != "/api/v1/admin/members" || r.Header.Get("Authorization") != "Bearer token" {
			w.WriteHeader(http.StatusTeapot)
		}
		fmt.Fprint(w, strings.Repeat("x", 1000))
	}))
	defer server.Close()
	s, err := load(t.Context(), server.Listener.Addr().String(), 3, 50*time.Millisecond, always(get("/members", "token")))
	if err != nil {
		t.Fatal(err)
	}
	if int64(s.requests) != asked.Load() || s.requests == 0 || len(s.latency) != s.requests {
		t.Errorf("counted %d requests and %d latencies, the server %d", s.requests, len(s.latency), asked.Load())
	}
	if len(remotes) != 3 {
		t.Errorf("it came over %d connections, want 3", len(remotes))
	}
	if !slices.IsSorted(s.latency) || s.percentile(0.5) > s.percentile(0.99) || s.percentile(1) != s.latency[len(s.latency)-1] {
		t.Error("the latencies are not in order")
	}
}

func TestLoadEndsAtWhatIsNoSuccess(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"a failure":            "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\nwhat",
		"no length":            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"a length that is not": "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
		"an early end":         "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwh",
		"nothing":              "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				_, _ = bufio.NewReader(c).ReadString('\n')
				_, _ = c.Write([]byte(answer))
			}()
			if s, err := load(t.Context(), l.Addr().String(), 1, time.Minute, always(get("/", "t"))); err == nil {
				t.Errorf("got %d requests and no error", s.requests)
			}
		})
	}
}

func TestCreatingNeverRepeatsAPhone(t *testing.T) {
	t.Parallel()
	var p phones
	seen := map[string]bool{}
	one, other := p.creating("token")(0), p.creating("token")(1)
	for range 100 {
		for _, next := range []requester{one, other} {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(next()))))
			if err != nil {
				t.Fatal(err)
			}
			body := make([]byte, r.ContentLength)
			if _, err := r.Body.Read(body); err != nil && err.Error() != "EOF" {
				t.Fatal(err)
			}
			if !strings.Contains(string(body), `"phone":"+8210`) || seen[string(body)] {
				t.Fatalf("%s is no body, or was there before", body)
			}
			seen[string(body)] = true
		}
	}
}

func TestInTurnAsksForAll(t *testing.T) {
	t.Parallel()
	requests := [][]byte{{1}, {2}, {3}, {4}, {5}}
	next, seen := inTurn(requests)(3), map[byte]int{}
	for range 10 {
		seen[next()[0]]++
	}
	for _, r := range requests {
		if seen[r[0]] != 2 {
			t.Errorf("%v was asked for %d times of 10, want 2", r, seen[r[0]])
		}
	}
}
