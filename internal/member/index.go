package member

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// The search index says for each gram which members have it: their ids in
// order, in blocks. A row for each pair of gram and member would cost about ten
// times as much to write, and the blocks are intersected in Go.
//
// An id stays in the blocks when its member is renamed or deleted: a search
// looks at the members that it finds. A new member, or a renamed one, waits in
// member_unindexed, where a search looks as well, until [Fold] comes by: so no
// two creates write to the same block.

// blockLength is the most ids in a block: its row then fits a quarter of a page,
// which is what SQLite keeps in the tree of a key.
const blockLength = 60

// block is a row of the index.
type block struct {
	gram  string
	first ids.Member // also the first of ids
	ids   []ids.Member
}

func scanBlock(r query.Row) (b block, err error) {
	var raw []byte
	if err := r.Scan(&b.gram, &b.first, &raw); err != nil {
		return b, err
	}
	b.ids = make([]ids.Member, len(raw)/16)
	for i := range b.ids {
		copy(b.ids[i][:], raw[16*i:])
	}
	return b, nil
}

// save writes the block.
func (b block) save() query.Change {
	raw := make([]byte, 0, 16*len(b.ids))
	for _, id := range b.ids {
		raw = append(raw, id[:]...)
	}
	return query.Exec(`insert into member_gram (gram, first, ids) values ($1, $2, $3)
		on conflict (gram, first) do update set ids = excluded.ids`, b.gram, b.first, raw)
}

// named is a member to index.
type named struct {
	id    ids.Member
	grams []string
}

// index brings members into the search index.
func index(ctx context.Context, w *session.Write, list []named) error {
	if len(list) == 0 {
		return nil
	}
	slices.SortFunc(list, func(a, b named) int { return compareIDs(a.id, b.id) })
	postings := make(map[string][]ids.Member)
	for _, n := range list {
		for _, g := range n.grams {
			postings[g] = append(postings[g], n.id)
		}
	}
	order := slices.Sorted(maps.Keys(postings))
	for part := range slices.Chunk(order, gramStep) {
		if err := extend(ctx, w, part, postings, list[0].id, list[len(list)-1].id); err != nil {
			return err
		}
	}
	return nil
}

// gramStep is how many grams have their blocks read and written together.
const gramStep = 500

// extend brings the postings of some grams, of members between the two, into
// their blocks.
func extend(ctx context.Context, w *session.Write, order []string, postings map[string][]ids.Member, least, greatest ids.Member) error {
	stored, err := session.Run(ctx, w, touchedBlocks(order, least, greatest))
	if err != nil {
		return err
	}
	for _, g := range order {
		n := 0
		for n < len(stored) && stored[n].gram == g {
			n++
		}
		for _, b := range merge(g, stored[:n], postings[g]) {
			w.Add(b.save())
		}
		stored = stored[n:]
	}
	return nil
}

// touchedBlocks are the blocks of the grams, by gram and first, into which ids
// between the two may come.
func touchedBlocks(grams []string, least, greatest ids.Member) query.Query[[]block] {
	return query.Many(`
		select b.gram, b.first, b.ids
		from (select value as gram from {texts $1}) g cross join member_gram b
		where b.gram = g.gram and b.first <= $3 and b.first >= coalesce(
			(select x.first from member_gram x where x.gram = g.gram and x.first <= $2 order by x.first desc limit 1), $2)
		order by b.gram, b.first`, scanBlock, grams, least, greatest)
}

// merge puts ids, which are in order, into the blocks of a gram and gives those
// that changed. An id belongs into the last block that does not begin after it.
func merge(gram string, blocks []block, list []ids.Member) (changed []block) {
	before := 0 // ids that come before every block begin new ones
	for before < len(list) && (len(blocks) == 0 || compareIDs(list[before], blocks[0].first) < 0) {
		before++
	}
	changed = cut(gram, list[:before], false)
	list = list[before:]
	for i, b := range blocks {
		n := len(list)
		if i+1 < len(blocks) {
			n = slices.IndexFunc(list, func(id ids.Member) bool { return compareIDs(id, blocks[i+1].first) >= 0 })
			if n < 0 {
				n = len(list)
			}
		}
		if n > 0 {
			changed = append(changed, b.with(list[:n])...)
		}
		list = list[n:]
	}
	return changed
}

// with are the blocks that take the place of b when ids come into it: none, if
// it has them all.
func (b block) with(list []ids.Member) []block {
	all := slices.Concat(b.ids, list)
	order := compareIDs(list[0], b.ids[len(b.ids)-1])
	if order <= 0 {
		slices.SortFunc(all, compareIDs)
		all = slices.Compact(all)
	}
	if len(all) == len(b.ids) {
		return nil
	}
	return cut(b.gram, all, order < 0)
}

// cut makes blocks of ids: full ones, where more ids come after the last, and
// even ones, where they come in between.
func cut(gram string, list []ids.Member, even bool) (blocks []block) {
	size := blockLength
	if n := (len(list) + blockLength - 1) / blockLength; even && n > 1 {
		size = (len(list) + n - 1) / n
	}
	for part := range slices.Chunk(list, size) {
		blocks = append(blocks, block{gram, part[0], part})
	}
	return blocks
}

func compareIDs(a, b ids.Member) int { return bytes.Compare(a[:], b[:]) }

// unindexed notes that a member's name is not in the index.
func unindexed(id ids.Member) query.Change {
	return query.Exec("insert into member_unindexed (member_id) values ($1) on conflict (member_id) do nothing", id)
}

// indexStep is how many names one write session brings into the index.
const indexStep = 500

func foldNames(ctx context.Context, w *session.Write) (int, error) {
	list, err := session.Run(ctx, w, query.Many(`
		select u.id, u.name_key, u.phone
		from (select member_id from member_unindexed order by member_id limit $1) n
			cross join users u where u.id = n.member_id`,
		func(r query.Row) (n named, err error) {
			var key string
			var phone *string
			err = r.Scan(&n.id, &key, &phone)
			n.grams = grams(key, phone)
			return n, err
		}, indexStep))
	if err != nil || len(list) == 0 {
		return 0, err
	}
	if err := index(ctx, w, list); err != nil {
		return 0, err
	}
	w.Add(query.Exec("delete from member_unindexed where member_id <= $1", list[len(list)-1].id))
	return len(list), nil
}
