package dir_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if job := os.Getenv(confinedVar); job != "" {
		os.Exit(confined(job))
	}
	goleak.VerifyTestMain(m)
}
