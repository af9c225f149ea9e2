package member

import "time"

// What tests of package member_test need of the inside.

var UpdateChange = update

func Apply(d Detail, patch []byte, rules Rules, at time.Time) (Detail, error) {
	d, _, err := apply(d, patch, rules, at)
	return d, err
}
