package demo

import "fmt"

// A plan is a range of numbers that no subscriber has.
type plan struct {
	prefix   string
	digits   int // after the prefix
	first, n int
}

// Ranges set aside for fiction by the regulators of France (ARCEP), the United
// Kingdom (Ofcom), the United States (NANPA, twice) and Sweden (PTS).
var abroad = []plan{
	{"+33199", 6, 0, 10_000},
	{"+442079460", 3, 0, 1_000},
	{"+1212555", 4, 100, 100},
	{"+1415555", 4, 100, 100},
	{"+4670", 7, 1_740_605, 95},
}

// everyAbroad is how often a member has a number of another country, as long as
// there are any.
const everyAbroad = 16

// phone is the number of the i-th member. No two are the same up to [MaxMembers].
func phone(i int) string {
	if i%everyAbroad == everyAbroad-1 {
		nth := i / everyAbroad
		which := nth % len(abroad)
		if p := abroad[which]; nth/len(abroad) < p.n {
			return fmt.Sprintf("%s%0*d", p.prefix, p.digits, p.first+nth/len(abroad))
		}
	}
	// Numbers in Korea begin with 010 and a digit from 2 to 9: those with 0 and 1
	// are well-formed, and no operator has them. There are twenty million.
	// The last four digits go up and down: 7 919 has no factor in common with 10 000,
	// so that each comes once.
	return fmt.Sprintf("+8210%04d%04d", i/10_000%2_000, i*7_919%10_000)
}
