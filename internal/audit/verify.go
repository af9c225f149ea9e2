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

// MaxFindings is how many findings a report names; the others are counted.
const MaxFindings = 100

// verifyStep is how many entries are read at a time.
const verifyStep = 1000

// VerifyOptions say what to compare with.
type VerifyOptions struct {
	Pins     []Head                // through which the chain must go
	Progress func(done, all int64) // called now and then; may be nil
}

// Report is what Verify found, all at one moment.
type Report struct {
	Entries  int64     `json:"entries"`
	Sealed   int64     `json:"sealed"`  // seals in the chain
	Waiting  int64     `json:"waiting"` // entries that are not sealed yet
	Head     Head      `json:"head"`
	Found    int64     `json:"found"`    // what is wrong
	Findings []Finding `json:"findings"` // the first of it
}

func (r *Report) add(f Finding) {
	r.Found++
	if len(r.Findings) < MaxFindings {
		r.Findings = append(r.Findings, f)
	}
}

// Verify computes every mac anew and walks the chain from its beginning, in one
// snapshot: that no entry was edited, removed, inserted or swapped since it was
// written, and no sealed one at all, unless who did it has the key. Entries that
// were removed before they were sealed, within a second or so, leave no trace;
// neither does a chain whose end was cut off, unless a pin lies beyond. What is
// wrong is in the report and no error. Memory does not grow with the record.
func (l *Log) Verify(ctx context.Context, db *session.DB, o VerifyOptions) (report Report, err error) {
	err = db.Read(ctx, func(r *session.Read) (err error) {
		v := verifier{ledger: l, options: o, read: r}
		report, err = v.run(ctx)
		return err
	})
	if err != nil {
		return Report{}, fmt.Errorf("verifying the record: %w", err)
	}
	return report, nil
}

// verifier is one run of Verify.
type verifier struct {
	ledger  *Log
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
	x := examiner{scribe: v.ledger.scribe(), report: &v.report, pins: pinned(v.options.Pins)}
	if err := v.examine(ctx, &x); err != nil {
		return v.report, err
	}
	x.end()
	v.report.Waiting = x.waits
	if lost := v.report.Entries - x.present; lost != 0 {
		err = v.nameLoose(ctx, lost)
	}
	return v.report, err
}

// examine reads the record, while another goroutine examines what was read
// before.
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
		to <- list // it is examined sooner or later: nothing there can block
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

// nameLoose names the entries that are neither sealed nor waiting. That there
// are some is known from the numbers, so that mostly nobody has to look.
func (v *verifier) nameLoose(ctx context.Context, lost int64) error {
	var named int64
	var after []byte
	for named < lost && len(v.report.Findings) < MaxFindings {
		list, err := session.Run(ctx, v.read, loose(after, verifyStep))
		if err != nil {
			return err
		}
		for _, e := range list {
			if after = e.key; e.loose {
				named++
				v.report.add(Finding{Kind: InsertedEntry, Entry: rowOf(e.key)})
			}
		}
		if len(list) < verifyStep {
			return nil
		}
	}
	v.report.Found += max(lost-named, 0)
	return nil
}

// pinned are the pins by their number.
func pinned(list []Head) map[int64][]Head {
	pins := make(map[int64][]Head)
	for _, p := range list {
		if !p.IsZero() {
			pins[p.Seq] = append(pins[p.Seq], p)
		}
	}
	return pins
}

// examiner computes macs anew and follows the chain. One goroutine uses it.
type examiner struct {
	*scribe

	report  *Report
	pins    map[int64][]Head // that the chain has not come to yet
	last    int64            // the number of the seal before
	mac     []byte           // of that seal; empty before the first
	should  [macBytes]byte   // scratch
	present int64            // entries that are sealed or wait, and are there
	waits   int64
}

func (x *examiner) examine(list []place) {
	for i := range list {
		p := &list[i]
		if p.sealed {
			continue // somebody put it back in the queue: it is examined with its seal
		}
		if p.entry != nil {
			x.present++
		}
		if p.queued {
			x.waits++
			x.wait(rowOf(p.key), p.entry)
		} else {
			x.link(&p.seal, p.entry)
		}
	}
}

// link examines a seal and its entry, which is nil if it is gone.
func (x *examiner) link(s *seal, e *line) {
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
		whole = false // what it was made with is gone
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

// pin compares a seal with the heads that were kept of it.
func (x *examiner) pin(s *seal) {
	for _, pin := range x.pins[s.seq] {
		if !pin.Equal(Head{s.seq, s.mac[:]}) {
			x.report.add(Finding{Kind: Replaced, Seq: s.seq, Pin: pin})
		}
	}
	delete(x.pins, s.seq)
}

// fits reports whether the seal was made of its entry and the seal before it. If
// all that was changed of the entry is its mac, the seal is of the one that it
// should have.
func (x *examiner) fits(s *seal, e *line) bool {
	if mac, _ := x.seal(s, x.mac, e.mac[:]); hmac.Equal(mac, s.mac[:]) {
		return true
	}
	should, _ := x.entry(e)
	x.should = [macBytes]byte(should)
	mac, _ := x.seal(s, x.mac, x.should[:])
	return hmac.Equal(mac, s.mac[:])
}

// wait examines an entry that is not sealed yet.
func (x *examiner) wait(id ids.Row, e *line) {
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

// end tells of the pins that the chain did not come to.
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
