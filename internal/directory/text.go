package directory

import (
	"strconv"
	"strings"
)

// text builds SQL with its arguments. Its text comes from this package only; what
// comes from outside is an argument.
type text struct {
	strings.Builder
	args []any
}

// arg adds an argument and returns its placeholder.
func (t *text) arg(v any) string {
	t.args = append(t.args, v)
	return "$" + strconv.Itoa(len(t.args))
}

func (t *text) and(conditions ...string) {
	for _, c := range conditions {
		if c != "" {
			t.WriteString(" and " + c)
		}
	}
}

func within[T any](t *text, column string, low, high *T, below string) (s string) {
	if low != nil {
		s = " and " + column + " >= " + t.arg(*low)
	}
	if high != nil {
		s += " and " + column + below + t.arg(*high)
	}
	return s
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)

func escapeLike(s string) string { return likeEscaper.Replace(s) }
