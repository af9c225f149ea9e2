package demo_test

import (
	"testing"

	"github.com/musterhq/muster/internal/demo"
	"github.com/musterhq/muster/internal/testkit"
)

// BenchmarkFill measures how many members per second are created without media.
func BenchmarkFill(b *testing.B) {
	for b.Loop() {
		const members = 100_000
		if err := demo.Fill(b.Context(), testkit.Open(b), nil, demo.Options{By: testkit.Recorder(), Members: members, Seed: 1, Now: now}); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(members/b.Elapsed().Seconds(), "members/s")
	}
}
