package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/engine/sqlite"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/session"
)

const (
	writers    = 32
	groupReach = 3
)

// measureWriters compares how many members 32 writers create when they share
// commits with how many they do when each has its own, on the engine itself.
func (b *bench) measureWriters(ctx context.Context, r *report) (err error) {
	s, err := b.filled(ctx, b.Sizes[0])
	if err != nil {
		return err
	}
	shared, closeShared, err := s.open(ctx, filepath.Join(b.scratch, "writers-shared"), 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeShared()) }()
	alone, closeAlone, err := s.open(ctx, filepath.Join(b.scratch, "writers-alone"), 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAlone()) }()

	var ours, theirs []float64
	for round := range b.Rounds {
		order := []*session.DB{shared, alone}
		if round%2 == 1 {
			order = []*session.DB{alone, shared}
		}
		for _, db := range order {
			rate, err := b.createAtOnce(ctx, db)
			if err != nil {
				return err
			}
			if db == shared {
				ours = append(ours, rate)
			} else {
				theirs = append(theirs, rate)
			}
		}
	}
	r.atLeast(groupReach, "×", ratios(ours, theirs), "group commit: creates a second of %d writers, %.0f, over those with a sync each, %.0f",
		writers, spreadOf(ours).Median, spreadOf(theirs).Median)
	return nil
}

// open opens a copy of the store with a limit on how many share a commit.
func (s store) open(ctx context.Context, folder string, group int) (*session.DB, func() error, error) {
	path, err := s.copyTo(folder)
	if err != nil {
		return nil, nil, err
	}
	engine, err := sqlite.Open(ctx, sqlite.Options{Path: path, GroupLimit: group})
	if err != nil {
		return nil, nil, err
	}
	return session.New(engine), engine.Close, nil
}

// createAtOnce has all writers create members for a turn and gives the rate.
func (b *bench) createAtOnce(ctx context.Context, db *session.DB) (float64, error) {
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		return 0, fmt.Errorf("loading the time zone: %w", err)
	}
	rules := member.Rules{Region: region, Zone: zone}
	var made atomic.Int64
	errs := make([]error, writers)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range writers {
		wg.Go(func() {
			for errs[i] == nil && time.Since(start) < b.Turn {
				errs[i] = b.createOne(ctx, db, rules)
				made.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(made.Load()) / time.Since(start).Seconds(), errors.Join(errs...)
}

func (b *bench) createOne(ctx context.Context, db *session.DB, rules member.Rules) error {
	phone := fmt.Sprintf("+8210%08d", b.phones.next())
	n := member.Detail{
		User:    member.User{Phone: &phone, Name: "김바다", Gender: member.Female, BirthYear: new(1992)},
		Profile: &member.Profile{Height: new(168), Occupation: new("architect"), Region: new("Seoul")},
	}
	now := time.Now()
	if err := rules.Check(&n, now); err != nil {
		return err
	}
	recorder, err := recorder()
	if err != nil {
		return err
	}
	return db.Write(ctx, func(w *session.Write) error {
		member.Create(w, recorder, rules, n, now)
		return nil
	})
}
