package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRatiosAreOfTheSameRound(t *testing.T) {
	t.Parallel()
	// The second round was disturbed: both took ten times as long.
	got := ratios([]float64{80, 900, 82}, []float64{100, 1000, 100})
	if want := (spread{0.8, 0.82, 0.9}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	turnOf := func(cpu time.Duration, latency ...time.Duration) turn {
		return turn{sample{requests: len(latency), took: time.Second, latency: latency}, cpu}
	}
	const ms = time.Millisecond
	got := figuresOf([]turn{turnOf(100*ms, 1*ms, 2*ms, 9*ms), turnOf(300*ms, 2*ms, 3*ms, 10*ms), turnOf(200*ms, 3*ms, 4*ms, 11*ms, 12*ms)})
	if want := (figures{CPU: 200, P50: 3, P99: 11 - 1, Rate: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	r := &report{Machine: "a machine", Quick: true, Comparisons: []comparison{
		{Request: "detail", Members: 1000, Connections: 16, Efficiency: spread{0.7, 0.75, 0.8}, Reach: 0.8},
	}}
	r.atMost(20, "ms", spread{1, 2, 30}, "a search of %d members", 1000)
	r.atLeast(3, "×", spread{2.9, 2.9, 2.9}, "group commit")
	if !r.Claims[0].Reached || r.Claims[1].Reached {
		t.Errorf("got %+v: the median decides", r.Claims)
	}
	var text, document strings.Builder
	if err := r.writeText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"A quick run", "0.70 … 0.75 … 0.80", "NOT REACHED", "1.00 … 2.00 … 30.0 ms", "2.90 ×", "≤ 20.0"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in\n%s", want, &text)
		}
	}
	if err := r.writeJSON(&document); err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal([]byte(document.String()), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*r, back); diff != "" {
		t.Errorf("the JSON is another report:\n%s", diff)
	}
}

func TestThisProcessIsMeasured(t *testing.T) {
	t.Parallel()
	before, err := cpu(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for x, end := uint64(1), time.Now().Add(patience); ; x = x*x + 1 {
		if after, err := cpu(os.Getpid()); err != nil || after > before {
			break // the work of the loop was seen
		}
		if time.Now().After(end) {
			t.Fatalf("no processor time was seen in %s (%d)", patience, x)
		}
	}
	now, most, err := memory(os.Getpid())
	if err != nil || now < 1 || most < now {
		t.Errorf("got %.1f of at most %.1f MB, %v", now, most, err)
	}
}

func TestFingerprintFollowsTheCode(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, folder := range makers {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) string {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, makers[1], name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		print, err := fingerprint(root)
		if err != nil {
			t.Fatal(err)
		}
		return print
	}
	first := write("demo.go", "package demo")
	if again := write("demo_test.go", "package demo"); again != first {
		t.Error("a test changes the fingerprint, and nothing that a store has in it")
	}
	if other := write("demo.go", "package demo // changed"); other == first {
		t.Error("changed code has the same fingerprint")
	}
}

func TestStoresAreKeptAndCopied(t *testing.T) {
	t.Parallel()
	b := &bench{cache: t.TempDir(), fingerprint: "test"}
	s, err := b.filled(t.Context(), 120)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.filled(t.Context(), 120)
	if err != nil || again != s {
		t.Errorf("got %+v, %v, want %+v", again, err, s)
	}
	ids, err := s.ids(40)
	if err != nil || len(ids) < 20 || len(ids[0]) != 36 {
		t.Errorf("got %d ids %v, %v", len(ids), ids, err)
	}
	if phone, err := s.aPhone(); err != nil || len(phone) != len("+821012345678") {
		t.Errorf("got the phone %q, %v", phone, err)
	}
	copied, err := s.copyTo(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	from, err1 := os.ReadFile(s.path)
	to, err2 := os.ReadFile(copied)
	if err1 != nil || err2 != nil || string(from) != string(to) {
		t.Errorf("the copy differs: %v, %v", err1, err2)
	}
}
