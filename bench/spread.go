package main

import (
	"fmt"
	"slices"
)

// spread is how a figure varies from round to round.
type spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

func spreadOf(list []float64) spread {
	s := slices.Sorted(slices.Values(list))
	return spread{s[0], s[len(s)/2], s[len(s)-1]}
}

func each[T any](list []T, f func(T) float64) []float64 {
	out := make([]float64, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}

// ratios divides round by round, for what happened at one time was disturbed
// by the same.
func ratios(a, b []float64) spread {
	list := make([]float64, len(a))
	for i := range a {
		list[i] = a[i] / b[i]
	}
	return spreadOf(list)
}

// String is the spread in one line, once if it does not vary.
func (s spread) String() string {
	if s.Min == s.Max {
		return number(s.Median)
	}
	return number(s.Min) + " … " + number(s.Median) + " … " + number(s.Max)
}

func number(f float64) string {
	switch {
	case f >= 100:
		return fmt.Sprintf("%.0f", f)
	case f >= 10:
		return fmt.Sprintf("%.1f", f)
	default:
		return fmt.Sprintf("%.2f", f)
	}
}
