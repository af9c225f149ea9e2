package worker

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var silent = slog.New(slog.DiscardHandler)

// runFor runs the tasks for a while of the bubble's clock.
func runFor(t *testing.T, r *Runner, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	inner, stop := context.WithCancel(t.Context())
	context.AfterFunc(ctx, stop)
	r.Run(inner)
}

func TestTasksRunAtTheirTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, often, seldom := time.Now(), []time.Duration(nil), 0
		runFor(t, &Runner{Log: silent, Tasks: []Task{
			{Name: "often", Every: time.Second, Within: time.Minute, Run: func(context.Context) error {
				often = append(often, time.Since(start))
				return nil
			}},
			{Name: "seldom", Every: time.Hour, Within: time.Minute, Leader: true, Run: func(context.Context) error {
				seldom++
				return nil
			}},
		}}, 3500*time.Millisecond)
		if want := []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}; !slices.Equal(often, want) || seldom != 0 {
			t.Errorf("ran at %v and %d times, want at %v and never", often, seldom, want)
		}
	})
}

func TestFailedTurnIsLoggedAndRunAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var turns []Turn
		runs := 0
		runFor(t, &Runner{
			Log: slog.New(slog.NewTextHandler(&log, nil)), Observe: func(turn Turn) { turns = append(turns, turn) },
			Tasks: []Task{{Name: "shaky", Every: time.Second, Within: time.Minute, Run: func(context.Context) error {
				time.Sleep(100 * time.Millisecond)
				if runs++; runs == 1 {
					return errors.New("no luck")
				}
				return nil
			}}},
		}, 2500*time.Millisecond)
		if len(turns) != 2 || turns[0].Err == nil || turns[1].Err != nil {
			t.Fatalf("got %+v, want a failure and a success", turns)
		}
		if got := turns[0]; got.Task != "shaky" || got.Took != 100*time.Millisecond || got.End.IsZero() {
			t.Errorf("got %+v", got)
		}
		if got := log.String(); strings.Count(got, "task=shaky") != 1 || !strings.Contains(got, "no luck") {
			t.Errorf("logged %q, want the failure once", got)
		}
	})
}

func TestTurnIsLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var turns []Turn
		runFor(t, &Runner{Log: silent, Observe: func(turn Turn) { turns = append(turns, turn) }, Tasks: []Task{{
			Name: "stuck", Every: time.Second, Within: 3 * time.Second, Run: func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			},
		}}}, 6*time.Second)
		if len(turns) != 1 || !errors.Is(turns[0].Err, context.DeadlineExceeded) || turns[0].Took != 3*time.Second {
			t.Errorf("got %+v; want one turn that was cut off, and the one that the end cut short not counted", turns)
		}
	})
}

func TestEndRunsTasksInOrderWithinALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var order []string
		ends := func(name string, atEnd bool, run func(context.Context) error) Task {
			return Task{Name: name, Every: time.Hour, Within: time.Hour, Leader: true, AtEnd: atEnd, Run: func(ctx context.Context) error {
				order = append(order, name)
				return run(ctx)
			}}
		}
		quick := func(ctx context.Context) error { return ctx.Err() }
		stuck := func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		start := time.Now()
		runFor(t, &Runner{Log: silent, Tasks: []Task{
			ends("first", true, quick), ends("not at the end", false, quick), ends("second", true, stuck), ends("third", true, quick),
		}}, time.Second)
		if want := []string{"first", "second", "third"}; !slices.Equal(order, want) {
			t.Errorf("ran %q, want %q", order, want)
		}
		if took := time.Since(start); took != time.Second+endWithin {
			t.Errorf("took %s, want %s", took, time.Second+endWithin)
		}
	})
}
