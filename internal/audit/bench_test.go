package audit_test

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// sizeVariable says how many entries BenchmarkVerify verifies.
const sizeVariable = "MUSTER_BENCH_ENTRIES"

// BenchmarkVerify verifies an audit log without findings.
func BenchmarkVerify(b *testing.B) {
	size := 20_000
	if text := os.Getenv(sizeVariable); text != "" {
		var err error
		if size, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	db, l := testkit.Open(b), log(b, 1)
	filled := time.Now()
	fill(b, db, l, size)
	b.Logf("%d entries recorded and sealed in %s", size, time.Since(filled).Round(time.Millisecond))
	b.ReportAllocs()
	before := processor(b)
	for b.Loop() {
		report, err := l.Verify(b.Context(), db, audit.VerifyOptions{})
		if err != nil || report.Found != 0 || report.Sealed != int64(size) {
			b.Fatalf("%+v, %v", report, err)
		}
	}
	b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	b.ReportMetric((processor(b)-before).Seconds()/float64(b.N), "cpu-s/op") // also where others use the machine
}

// processor returns the processor time of this process.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// fill adds entries as a back office does, and seals them.
func fill(b *testing.B, db *session.DB, l *audit.Log, size int) {
	b.Helper()
	const together = 500
	for made := 0; made < size; {
		err := db.Write(b.Context(), func(w *session.Write) error {
			for i := made; i < min(made+together, size); i++ {
				when := at.Add(time.Duration(i) * time.Second)
				recorder := l.Recorder(audit.Actor{
					Operator: ids.New[ids.Operator](when), Token: ids.New[ids.Row](when), Source: "203.0.113.7",
					Request: fmt.Sprintf("req-%012d", i),
				})
				e := audit.Event{
					Action: "member.update", Member: ids.New[ids.Member](when),
					Was:    map[string]any{"status": "pending", "profile.occupation": "engineer", "version": i},
					Became: map[string]any{"status": "approved", "profile.occupation": "architect", "version": i + 1},
				}
				if i%10 == 0 {
					recorder, e = recorder.WithReason("asked by the member on the phone"), audit.Event{Action: "phone.reveal", Member: e.Member}
				}
				recorder.Record(w, e, when)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		made = min(made+together, size)
	}
	for {
		sealed, err := l.Seal(b.Context(), db)
		if err != nil {
			b.Fatal(err)
		}
		if sealed.Count == 0 {
			break
		}
	}
	err := db.Write(b.Context(), func(w *session.Write) error {
		w.Add(query.Exec("analyze"))
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
