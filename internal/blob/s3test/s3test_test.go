package s3test_test

import (
	"net"
	"testing"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/blob/s3test"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestServerEndsWithItsTest(t *testing.T) {
	var server *s3test.Server
	t.Run("using it", func(t *testing.T) {
		server = s3test.Start(t)
		if first, second := server.NewBucket(t), server.NewBucket(t); first == second {
			t.Errorf("got the bucket %s twice", first)
		}
		if err := server.Suspend(); err != nil { // it ends all the same
			t.Error(err)
		}
	})
	if c, err := net.Dial("tcp", server.Address); err == nil {
		_ = c.Close()
		t.Errorf("something listens on %s still", server.Address)
	}
	if err := server.Stop(); err != nil {
		t.Errorf("stopping it again: %v", err)
	}
}
