package rest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDeadlines(time.Minute)
		first, pendingFirst := d.start(t.Context(), time.Now())
		defer d.end(pendingFirst)
		time.Sleep(20 * time.Second)
		second, pendingSecond := d.start(t.Context(), time.Now())
		third, pendingThird := d.start(t.Context(), time.Now())
		defer d.end(pendingThird)
		d.end(pendingSecond)
		if err := context.Cause(second); !errors.Is(err, context.Canceled) {
			t.Errorf("one that has ended: %v", err)
		}
		time.Sleep(40*time.Second - time.Nanosecond)
		if first.Err() != nil || third.Err() != nil {
			t.Error("they were ended before their time")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if err := context.Cause(first); !errors.Is(err, context.DeadlineExceeded) || third.Err() != nil {
			t.Errorf("when the time of the first is over: %v and %v", err, third.Err())
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if err := context.Cause(third); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("when the time of the last is over: %v", err)
		}
	})
}

func TestDeadlinesAtOnce(t *testing.T) {
	t.Parallel()
	d := newDeadlines(time.Millisecond)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 500 {
				ctx, pending := d.start(t.Context(), time.Now())
				if (i+worker)%50 == 0 {
					<-ctx.Done()
				}
				d.end(pending)
			}
		})
	}
	wg.Wait()
	if d.pending.Len() > 0 {
		t.Error("deadlines are left over")
	}
}
