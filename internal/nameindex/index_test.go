package nameindex

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/ids"
)

// TestMergeProperty keeps the blocks of one gram in a slice, as the table does,
// and compares with a sorted set.
func TestMergeProperty(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(rt *rapid.T) {
		stored := map[ids.Member][]ids.Member{}
		want := map[ids.Member]bool{}
		for range rapid.IntRange(1, 12).Draw(rt, "batches") {
			base := rapid.IntRange(0, 2000).Draw(rt, "base")
			var batch []ids.Member
			for _, n := range rapid.SliceOfN(rapid.IntRange(0, 300), 1, 200).Draw(rt, "ids") {
				batch = append(batch, ids.First[ids.Member](at.Add(time.Duration(base+n)*time.Second)))
			}
			slices.SortFunc(batch, ids.Member.Compare)
			batch = slices.Compact(batch)
			for _, id := range batch {
				want[id] = true
			}
			var touched []block // as touchedBlocks finds them
			for first, list := range stored {
				touched = append(touched, block{"g", first, list})
			}
			slices.SortFunc(touched, func(a, b block) int { return a.first.Compare(b.first) })
			for i, b := range slices.Backward(touched) {
				if b.first.Compare(batch[0]) <= 0 {
					touched = touched[i:]
					break
				}
			}
			for _, b := range merge("g", touched, batch) {
				if len(b.ids) == 0 || len(b.ids) > BlockLength || b.first != b.ids[0] {
					rt.Fatalf("a block of %d ids", len(b.ids))
				}
				stored[b.first] = b.ids
			}
		}
		var all []ids.Member
		for _, first := range slices.SortedFunc(keys(stored), ids.Member.Compare) {
			all = append(all, stored[first]...)
		}
		if !slices.IsSortedFunc(all, ids.Member.Compare) {
			rt.Fatal("the blocks overlap")
		}
		if len(slices.Compact(all)) != len(all) || len(all) != len(want) {
			rt.Fatalf("%d ids are stored, want %d", len(all), len(want))
		}
	})
}

func keys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func TestAppendedBlocksAreFull(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var list []ids.Member
	for i := range 3*BlockLength + 7 {
		list = append(list, ids.First[ids.Member](at.Add(time.Duration(i)*time.Second)))
	}
	blocks := merge("g", nil, list[:BlockLength+5])
	blocks = append(blocks[:1], merge("g", blocks[1:], list[BlockLength+5:])...)
	for i, b := range blocks[:3] {
		if len(b.ids) != BlockLength {
			t.Errorf("block %d has %d ids, want %d", i, len(b.ids), BlockLength)
		}
	}
}

func TestGrams(t *testing.T) {
	t.Parallel()
	got := Grams("김바다 ann", new("+821012345678"))
	slices.Sort(got)
	want := strings.Fields("#078 #256 an ann nn 김 김바 김바다 다 바 바다")
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestGramsProperty compares with what the definition says, character by
// character; a text that is no UTF-8 has pieces as well.
func TestGramsProperty(t *testing.T) {
	t.Parallel()
	Grams("a\xff\xfeb \xff", nil)
	rapid.Check(t, func(rt *rapid.T) {
		key := rapid.StringOfN(rapid.SampledFrom([]rune("abé ü김바李さ")), 0, 40, -1).Draw(rt, "key")
		want := map[string]bool{}
		for word := range strings.FieldsSeq(key) {
			runes := []rune(word)
			for from := range runes {
				for to := from + 1; to <= min(from+3, len(runes)); to++ {
					if to > from+1 || isWord(runes[from]) {
						want[string(runes[from:to])] = true
					}
				}
			}
		}
		got := Grams(key, nil)
		slices.Sort(got)
		if all := slices.Sorted(maps.Keys(want)); !slices.Equal(got, all) {
			rt.Fatalf("got %q, want %q", got, all)
		}
	})
}
