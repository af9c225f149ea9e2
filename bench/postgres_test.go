package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/musterhq/muster/engine/postgres/postgrestest"
)

// BenchmarkPostgres measures on a cluster of its own, a primary and a replica,
// and prints a report: what "make bench" does after the embedded store. It is run
// once, with -benchtime 1x; MUSTER_BENCH_MEMBERS is the size of the store.
func BenchmarkPostgres(b *testing.B) {
	members := 1_000_000
	if text := os.Getenv("MUSTER_BENCH_MEMBERS"); text != "" {
		var err error
		if members, err = strconv.Atoi(text); err != nil {
			b.Fatal("MUSTER_BENCH_MEMBERS is a number of members")
		}
	}
	m, err := newBench(b.Context(), &measureCmd{Connections: []int{1, 16, 64}, Rounds: 3, Turn: 2 * time.Second})
	if err != nil {
		b.Fatal(err)
	}
	defer m.close()
	m.self = filepath.Join(m.scratch, "bench") // a test binary is no limit server
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", m.self, ".").CombinedOutput(); err != nil {
		b.Fatalf("building bench: %v: %s", err, out)
	}
	primary := postgrestest.Start(b, "shared_buffers = '1GB'", "max_wal_size = '4GB'")
	replica := primary.Replica()
	c := cluster{primary: primary.URL(), replica: replica.URL(), cpu: primary.CPU}
	for range b.N {
		r := &report{Machine: machine(), Started: time.Now().UTC().Truncate(time.Second)}
		if err := m.measurePostgres(b.Context(), r, c, members); err != nil {
			b.Fatal(err)
		}
		if err := r.writeText(os.Stdout); err != nil {
			b.Fatal(err)
		}
	}
}
