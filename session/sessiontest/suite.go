package sessiontest

import (
	"testing"
)

// Run runs the suite: each test on a database of its own.
func Run(t *testing.T, open Open) {
	groups := map[string]map[string]func(*testing.T, *bundle){
		"read": readTests, "write": writeTests, "values": valueTests, "misuse": misuseTests, "load": loadTests,
	}
	for group, tests := range groups {
		t.Run(group, func(t *testing.T) {
			t.Parallel()
			for name, test := range tests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, setup(t, open))
				})
			}
		})
	}
}
