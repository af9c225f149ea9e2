package importer_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/importer"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/testkit"
)

const plainMap = `
[id]
namespace = "club"
from = "number"

[[field]]
to = "name"
from = ["first", "last"]

[[field]]
to = "phone"
from = "phone"

[[field]]
to = "gender"
from = "sex"
codes = { F = "female", M = "male" }

[[field]]
to = "birth_year"
from = "born"
convert = "year"
layout = "DD.MM.YYYY"

[[field]]
to = "profile.income"
from = "income"
grouping = ","

[[field]]
to = "profile.region"
from = "town"

[[field]]
to = "lifestyle.hobbies"
from = "hobbies"
split = ";"
`

// writeClub writes a file of n plausible members for plainMap.
func writeClub(t testing.TB, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "club.csv")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(file)
	fmt.Fprintln(w, "number,first,last,phone,sex,born,income,town,hobbies")
	given := []string{"바다", "Anna", "José", "美咲", "Олег", "Minjun", "하늘"}
	family := []string{"김", "Schmidt", "García", "佐藤", "Иванов", "Park", "이"}
	for i := range n {
		fmt.Fprintf(w, "%d,%s,%s,+8210%08d,%c,%02d.%02d.%d,\"%d,%03d\",Town %d,music; chess; hiking\n",
			i, given[i%7], family[i/7%7], i, "FM"[i%2], i%28+1, i%12+1, 1950+i%50, 20+i%80, i%1000, i%300)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func parseMap(t testing.TB, text string) *importer.Map {
	t.Helper()
	m, err := importer.ParseMap([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func BenchmarkImport(b *testing.B) {
	const members = 20_000
	path := writeClub(b, members)
	m := parseMap(b, plainMap)
	b.ReportAllocs()
	start := processorTime(b)
	for b.Loop() {
		b.StopTimer()
		db := testkit.Open(b)
		b.StartTimer()
		report := run(b, db, importer.Options{By: testkit.Recorder(), Map: m, File: path, Rules: member.Rules{Region: "KR"}})
		if report.Created != members {
			b.Fatalf("got %d created, want %d", report.Created, members)
		}
	}
	b.ReportMetric(members*float64(b.N)/b.Elapsed().Seconds(), "members/s")
	b.ReportMetric(float64((processorTime(b)-start).Microseconds())/float64(members*b.N), "cpu-µs/member")
}

// processorTime returns the processor time of the process, which depends less on the
// load of the machine than the clock.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
