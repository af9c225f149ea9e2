package s3_test

import (
	"testing"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/blob/blobtest"
	"github.com/musterhq/muster/internal/blob/s3"
	"github.com/musterhq/muster/internal/blob/s3test"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	url := server.URL(server.NewBucket(t))
	blobtest.Run(t, func(t *testing.T) blob.Store { return newStore(t, parse(t, url, s3test.Owner)) })
}

func parse(t testing.TB, url string, a s3test.Account) s3.Config {
	t.Helper()
	c, err := s3.Parse(url, a.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newStore(t testing.TB, c s3.Config) *s3.Store {
	t.Helper()
	s, err := s3.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
