package nameindex

import (
	"slices"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
)

// BlockLength is the maximum number of IDs in a block. Its row then fits a quarter
// of a page, the most that SQLite keeps in the tree of a key.
const BlockLength = 60

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

// save returns the change that stores the block.
func (b block) save() query.Change {
	raw := make([]byte, 0, 16*len(b.ids))
	for _, id := range b.ids {
		raw = append(raw, id[:]...)
	}
	return query.Exec(`insert into member_gram (gram, first, ids) values ($1, $2, $3)
		on conflict (gram, first) do update set ids = excluded.ids`, b.gram, b.first, raw)
}

// touchedBlocks returns the blocks of the grams to which IDs between the two may
// belong, by gram and first.
func touchedBlocks(grams []string, least, greatest ids.Member) query.Query[[]block] {
	return query.Many(`
		select b.gram, b.first, b.ids
		from (select value as gram from {texts $1}) g cross join member_gram b
		where b.gram = g.gram and b.first <= $3 and b.first >= coalesce(
			(select x.first from member_gram x where x.gram = g.gram and x.first <= $2 order by x.first desc limit 1), $2)
		order by b.gram, b.first`, scanBlock, grams, least, greatest)
}

// merge adds sorted IDs to the blocks of a gram, and returns the changed blocks. An
// ID belongs to the last block that does not start after it.
func merge(gram string, blocks []block, list []ids.Member) (changed []block) {
	before := 0 // IDs before the first block start new blocks
	for before < len(list) && (len(blocks) == 0 || list[before].Compare(blocks[0].first) < 0) {
		before++
	}
	changed = cut(gram, list[:before], false)
	list = list[before:]
	for i, b := range blocks {
		n := len(list)
		if i+1 < len(blocks) {
			n = slices.IndexFunc(list, func(id ids.Member) bool { return id.Compare(blocks[i+1].first) >= 0 })
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

// with returns the blocks that replace b when IDs are added: none if b has all of
// them.
func (b block) with(list []ids.Member) []block {
	all := slices.Concat(b.ids, list)
	order := list[0].Compare(b.ids[len(b.ids)-1])
	if order <= 0 {
		slices.SortFunc(all, ids.Member.Compare)
		all = slices.Compact(all)
	}
	if len(all) == len(b.ids) {
		return nil
	}
	return cut(b.gram, all, order < 0)
}

// cut cuts IDs into blocks: full ones if later IDs will follow the last, or even
// ones if they will fall in between.
func cut(gram string, list []ids.Member, even bool) (blocks []block) {
	size := BlockLength
	if n := (len(list) + BlockLength - 1) / BlockLength; even && n > 1 {
		size = (len(list) + n - 1) / n
	}
	for part := range slices.Chunk(list, size) {
		blocks = append(blocks, block{gram, part[0], part})
	}
	return blocks
}
