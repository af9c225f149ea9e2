package demo

import "math/rand/v2"

// A dice decides everything random about the person of one number: the same for the
// same seed, and independently of other people.
type dice struct{ *rand.Rand }

func newDice(seed uint64, i int) dice {
	return dice{rand.New(rand.NewPCG(seed, uint64(i)))} //nolint:gosec // it keeps no secret
}

// in reports true with a probability in percent.
func (d dice) in(percent int) bool { return d.IntN(100) < percent }

func (d dice) between(low, high int) int { return low + d.IntN(high-low+1) }

func pick[T any](d dice, list []T) T { return list[d.IntN(len(list))] }

// some picks from one to most different entries of the list.
func some(d dice, list []string, most int) []string {
	n := d.between(1, most)
	chosen := make([]string, n)
	for i, at := range d.Perm(len(list))[:n] {
		chosen[i] = list[at]
	}
	return chosen
}

// maybe picks one of the list, with a probability in percent.
func maybe(d dice, percent int, list []string) *string {
	if !d.in(percent) {
		return nil
	}
	return new(pick(d, list))
}
