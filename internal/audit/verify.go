package audit

import (
	"context"
	"crypto/hmac"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// MaxFindings bounds the findings that a report lists; the others are counted.
const MaxFindings = 100

// verifyStep is the number of entries to read at a time.
const verifyStep = 1000

// VerifyOptions are the options of Verify.
type VerifyOptions struct {
	Pins     []Head                // that the chain must contain
	Progress func(done, all int64) // called from time to time; may be nil
}

// Report is the result of Verify, in one snapshot.
type Report struct {
	Entries  int64     `json:"entries"`
	Sealed   int64     `json:"sealed"`  // seals in the chain
	Waiting  int64     `json:"waiting"` // entries that are not sealed yet
	Head     Head      `json:"head"`
	Found    int64     `json:"found"`    // the number of findings
	Findings []Finding `json:"findings"` // the first of them
}

func (r *Report) add(f Finding) {
	r.Found++
	if len(r.Findings) < MaxFindings {
		r.Findings = append(r.Findings, f)
	}
}

// Verify recomputes every MAC and walks the chain from its start, in one snapshot.
// It finds every entry that was edited, removed, inserted or swapped by somebody
// without the key. An entry that was removed before it was sealed, within about a
// second, leaves no trace; neither does a chain whose end was cut off, unless a
// pin lies beyond it. What is wrong is in the report and is not an error. Memory
// does not grow with the log.
func (l *Log) Verify(ctx context.Context, db *session.DB, o VerifyOptions) (report Report, err error) {
	err = db.Read(ctx, func(r *session.Read) (err error) {
		v := verifier{log: l, options: o, read: r}
		report, err = v.run(ctx)
		return err
	})
	if err != nil {
		return Report{}, fmt.Errorf("verifying the audit log: %w", err)
	}
	return report, nil
}

// verifier is one run of Verify.
type verifier struct {
	log     *Log
	options VerifyOptions
	read    *session.Read

	report Report
	done   int64
	all    int64
}

func (v *verifier) run(ctx context.Context) (Report, error) {
	var queued int64
	v.report.Findings = []Finding{}
	err := v.read.Gather(ctx,
		query.Into(&v.report.Entries, rowsOf("audit")),
		query.Into(&v.report.Sealed, rowsOf("audit_seal")),
		query.Into(&queued, rowsOf("audit_pending")),
		query.Into(&v.report.Head, LastHead()))
	if err != nil {
		return v.report, err
	}
	v.all = v.report.Sealed + queued
	x := examiner{hasher: v.log.newHasher(), report: &v.report, pins: bySeq(v.options.Pins)}
	if err := v.examine(ctx, &x); err != nil {
		return v.report, err
	}
	x.end()
	v.report.Waiting = x.waits
	if lost := v.report.Entries - x.present; lost != 0 {
		err = v.nameOrphans(ctx, lost)
	}
	return v.report, err
}

// examine reads the log, while another goroutine examines what was read before.
func (v *verifier) examine(ctx context.Context, x *examiner) error {
	chunks := make(chan []place, 2)
	var work sync.WaitGroup
	work.Go(func() {
		for list := range chunks {
			x.examine(list)
		}
	})
	defer work.Wait()
	defer close(chunks)
	if err := v.readChain(ctx, chunks); err != nil {
		return err
	}
	return v.readQueue(ctx, chunks)
}

func (v *verifier) readChain(ctx context.Context, to chan<- []place) error {
	for next := int64(math.MinInt64); ; {
		list, err := session.Run(ctx, v.read, chainFrom(next, verifyStep))
		if err != nil {
			return err
		}
		to <- list // the examiner never blocks
		v.advance(len(list))
		if len(list) < verifyStep || list[verifyStep-1].seal.seq == math.MaxInt64 {
			return nil
		}
		next = list[verifyStep-1].seal.seq + 1
	}
}

func (v *verifier) readQueue(ctx context.Context, to chan<- []place) error {
	var after []byte
	for {
		list, err := session.Run(ctx, v.read, queueAfter(after, verifyStep))
		if err != nil {
			return err
		}
		to <- list
		v.advance(len(list))
		if len(list) < verifyStep {
			return nil
		}
		after = list[verifyStep-1].key
	}
}

func (v *verifier) advance(n int) {
	v.done += int64(n)
	if v.options.Progress != nil {
		v.options.Progress(v.done, v.all)
	}
}

// nameOrphans finds the entries that are neither sealed nor waiting. It runs only
// if the counts say that such entries exist.
func (v *verifier) nameOrphans(ctx context.Context, lost int64) error {
	var named int64
	var after []byte
	for named < lost && len(v.report.Findings) < MaxFindings {
		list, err := session.Run(ctx, v.read, orphans(after, verifyStep))
		if err != nil {
			return err
		}
		for _, e := range list {
			if after = e.key; e.orphaned {
				named++
				v.report.add(Finding{Kind: InsertedEntry, Entry: rowID(e.key)})
			}
		}
		if len(list) < verifyStep {
			return nil
		}
	}
	v.report.Found += max(lost-named, 0)
	return nil
}

// bySeq groups the pins by their number.
func bySeq(list []Head) map[int64][]Head {
	pins := make(map[int64][]Head)
	for _, p := range list {
		if !p.IsZero() {
			pins[p.Seq] = append(pins[p.Seq], p)
		}
	}
	return pins
}

// examiner recomputes MACs and follows the chain. It is not safe for concurrent use.
type examiner struct {
	*hasher

	report  *Report
	pins    map[int64][]Head // that the chain has not reached yet
	last    int64            // the number of the previous seal
	mac     []byte           // of that seal; empty before the first
	should  [macBytes]byte   // scratch
	present int64            // entries that are sealed or waiting, and exist
	waits   int64
}

func (x *examiner) examine(list []place) {
	for i := range list {
		p := &list[i]
		if p.sealed {
			continue // somebody put it back in the queue: examined with its seal
		}
		if p.entry != nil {
			x.present++
		}
		if p.queued {
			x.waits++
			x.wait(rowID(p.key), p.entry)
		} else {
			x.link(&p.seal, p.entry)
		}
	}
}

// link examines a seal and its entry, which is nil if it is missing.
func (x *examiner) link(s *seal, e *row) {
	whole := true
	if s.seq < 1 {
		x.report.add(Finding{Kind: WrongSeal, Seq: s.seq, Entry: s.entry})
		return
	}
	if want := x.last + 1; s.seq != want {
		gap := Finding{Kind: RemovedSeal, Seq: want}
		if s.seq-1 > want {
			gap.Until = s.seq - 1
		}
		x.report.add(gap)
		whole = false // the seal that it depends on is missing
	}
	defer func() { x.last, x.mac = s.seq, append(x.mac[:0], s.mac[:]...) }()
	x.pin(s)
	switch {
	case s.damaged:
		x.report.add(Finding{Kind: WrongSeal, Seq: s.seq})
		return
	case e == nil:
		x.report.add(Finding{Kind: RemovedEntry, Seq: s.seq, Entry: s.entry})
		return
	}
	genuine, known := x.genuine(e)
	switch {
	case !known || x.of(s.key) == nil:
		x.report.add(Finding{Kind: UnknownKey, Seq: s.seq, Entry: s.entry})
		return
	case !genuine:
		x.report.add(Finding{Kind: EditedEntry, Seq: s.seq, Entry: s.entry})
	}
	if whole && !e.damaged && !x.fits(s, e) {
		x.report.add(Finding{Kind: WrongSeal, Seq: s.seq, Entry: s.entry})
	}
}

// pin compares a seal with the pinned heads of its number.
func (x *examiner) pin(s *seal) {
	for _, pin := range x.pins[s.seq] {
		if !pin.Equal(Head{s.seq, s.mac[:]}) {
			x.report.add(Finding{Kind: Replaced, Seq: s.seq, Pin: pin})
		}
	}
	delete(x.pins, s.seq)
}

// fits reports whether the seal matches its entry and the previous seal. If only
// the MAC of the entry was changed, the seal matches the one that it should have.
func (x *examiner) fits(s *seal, e *row) bool {
	if mac, _ := x.seal(s, x.mac, e.mac[:]); hmac.Equal(mac, s.mac[:]) {
		return true
	}
	should, _ := x.entry(e)
	x.should = [macBytes]byte(should)
	mac, _ := x.seal(s, x.mac, x.should[:])
	return hmac.Equal(mac, s.mac[:])
}

// wait examines an entry that waits to be sealed.
func (x *examiner) wait(id ids.Row, e *row) {
	if e == nil {
		x.report.add(Finding{Kind: RemovedEntry, Entry: id})
		return
	}
	switch genuine, known := x.genuine(e); {
	case !known:
		x.report.add(Finding{Kind: UnknownKey, Entry: id})
	case !genuine:
		x.report.add(Finding{Kind: InsertedEntry, Entry: id})
	}
}

// end reports the pins that the chain did not reach.
func (x *examiner) end() {
	var left []Head
	for _, pins := range x.pins {
		left = append(left, pins...)
	}
	slices.SortFunc(left, func(a, b Head) int { return int(min(max(a.Seq-b.Seq, -1), 1)) })
	for _, pin := range left {
		kind := Truncated
		if pin.Seq <= x.last { // in a gap
			kind = Replaced
		}
		x.report.add(Finding{Kind: kind, Seq: pin.Seq, Pin: pin})
	}
}
