package demo

import "fmt"

// A plan is a range of numbers that is assigned to nobody.
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

// everyAbroad is the distance between members with a number of another country.
const everyAbroad = 16

// phone returns the number of the i-th member, which is unique up to [MaxMembers].
func phone(i int) string {
	if i%everyAbroad == everyAbroad-1 {
		nth := i / everyAbroad
		which := nth % len(abroad)
		if p := abroad[which]; nth/len(abroad) < p.n {
			return fmt.Sprintf("%s%0*d", p.prefix, p.digits, p.first+nth/len(abroad))
		}
	}
	// Numbers in Korea begin with 010 and a digit from 2 to 9. The twenty million
	// with 0 or 1 are well-formed and assigned to nobody. 7919 and 10,000 have no
	// common factor, so that each of the last four digits occurs once.
	return fmt.Sprintf("+8210%04d%04d", i/10_000%2_000, i*7_919%10_000)
}
