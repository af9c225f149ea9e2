package directory

import (
	"context"
	"fmt"

	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/session"
)

// Once reports whether List costs one round trip with these options: its session
// may then be opened with [session.Once].
func (o ListOptions) Once() bool {
	o = o.normal()
	return o.Filter.Text == "" && o.Include&member.WithAll == 0 && !o.needsEstimate()
}

// List returns a page of the members that pass the filter, and their total. It
// costs one round trip; one more for relations; one more to find the narrowest of
// several filters; and a few for a search, whose page may be shorter than the
// limit before the last one. Faults: invalid, also for a text that too many
// members match to sort them in another order than newest first.
func List(ctx context.Context, r *session.Read, rules member.Rules, o ListOptions) (Page, error) {
	o = o.normal()
	if err := o.check(); err != nil {
		return Page{}, err
	}
	list := listed
	if o.Filter.Text != "" {
		list = searched
	}
	p, users, err := list(ctx, r, rules, o)
	if err != nil {
		return Page{}, fmt.Errorf("listing members: %w", err)
	}
	p.Items, err = member.WithRelations(ctx, r, users, o.Include)
	if err != nil {
		return Page{}, fmt.Errorf("loading the relations of a page: %w", err)
	}
	return p, nil
}

// listed returns a page of a list without free text.
func listed(ctx context.Context, r *session.Read, _ member.Rules, o ListOptions) (Page, []member.User, error) {
	plans, err := planned(ctx, r, o, nil)
	if err != nil {
		return Page{}, nil, err
	}
	return run(ctx, r, o, plans)
}
