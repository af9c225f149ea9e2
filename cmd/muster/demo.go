package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/demo"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/progress"
)

// demoMedia is how many of the demo members, the newest, have photos and
// documents. Each object waits for the disk.
const demoMedia = 1000

// fill creates the demo members. It leaves a store alone that has members.
func (s *server) fill(ctx context.Context, media blob.Store, rules member.Rules, by audit.Recorder) error {
	if s.Demo == 0 {
		return nil
	}
	start := time.Now()
	o := demo.Options{Members: s.Demo, Media: demoMedia, Seed: s.DemoSeed, Now: start, Rules: rules, By: by}
	if s.isTerminal() { // otherwise standard error is for the log
		bar := progress.New(s.err, progress.Things)
		defer bar.Close()
		o.Progress = func(done, total int) { bar.Set(int64(done), int64(total), "creating members") }
	}
	err := s.with(ctx, openOptions{bulk: true}, func(st *store) error { return demo.Fill(ctx, st.db, media, o) })
	switch {
	case errors.Is(err, demo.ErrNotEmpty):
		fmt.Fprintln(s.out, "The store already has members: --demo left it alone.")
		return nil
	case err != nil:
		return err
	}
	if err := s.store.engine.optimize(ctx, true); err != nil {
		return fmt.Errorf("refreshing the planner's statistics: %w", err)
	}
	s.log.Info("created demo members", "members", s.Demo, "took", time.Since(start).Round(time.Millisecond).String())
	return nil
}
