package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"github.com/musterhq/muster/engine/sqlite"
	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/demo"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/schema"
	"github.com/musterhq/muster/session"
)

// Customs of every store.
const (
	zoneName = "Asia/Seoul"
	region   = "KR"
)

// recordKey is that of the record of every store.
var recordKey = []byte("the record of what is measured only")

// recorder writes that record.
var recorder = sync.OnceValues(func() (audit.Recorder, error) {
	auditLog, err := audit.NewLog([][]byte{recordKey})
	if err != nil {
		return audit.Recorder{}, fmt.Errorf("opening the record: %w", err)
	}
	return auditLog.Recorder(audit.Actor{Source: "bench"}), nil
})

// store is a filled database that nobody changes: servers get copies.
type store struct {
	members int
	path    string
	token   string
}

// makers is the code on which the content of a store depends.
var makers = []string{"internal/schema/migrations/sqlite", "internal/demo", "internal/member", "internal/media"}

// fingerprint changes when filled stores have to be made anew.
func fingerprint(root string) (string, error) {
	h := sha256.New()
	for _, folder := range makers {
		entries, err := os.ReadDir(filepath.Join(root, folder))
		if err != nil {
			return "", fmt.Errorf("looking at the code that makes members: %w", err)
		}
		for _, e := range entries {
			if e.IsDir() || strings.HasSuffix(e.Name(), "_test.go") {
				continue
			}
			text, err := os.ReadFile(filepath.Join(root, folder, e.Name()))
			if err != nil {
				return "", fmt.Errorf("looking at the code that makes members: %w", err)
			}
			fmt.Fprintf(h, "%s %d\n%s", e.Name(), len(text), text)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:6]), nil
}

// filled gives a store of so many members, from the cache if it is there.
func (b *bench) filled(ctx context.Context, members int) (s store, err error) {
	folder := filepath.Join(b.cache, fmt.Sprintf("%s-%d", b.fingerprint, members))
	s = store{members: members, path: filepath.Join(folder, "muster.db")}
	if token, err := os.ReadFile(filepath.Join(folder, "token")); err == nil {
		s.token = string(token)
		return s, nil
	}
	fresh := folder + ".new"
	if err := errors.Join(os.RemoveAll(fresh), os.MkdirAll(fresh, 0o700)); err != nil {
		return s, fmt.Errorf("making a folder for a store: %w", err)
	}
	if s.token, err = fill(ctx, filepath.Join(fresh, "muster.db"), members); err != nil {
		return s, fmt.Errorf("filling a store: %w", err)
	}
	if err := os.WriteFile(filepath.Join(fresh, "token"), []byte(s.token), 0o600); err != nil {
		return s, fmt.Errorf("keeping the token of a store: %w", err)
	}
	if err := os.Rename(fresh, folder); err != nil {
		return s, fmt.Errorf("keeping a store: %w", err)
	}
	return s, nil
}

// unstored keeps no objects: links to them are signed, and nobody follows them.
type unstored struct{ blob.Store }

func (unstored) Put(context.Context, string, int64, io.Reader) error { return nil }

// fill makes a database of demonstration members, all of whom may have photos
// and documents, and a token.
func fill(ctx context.Context, path string, members int) (token string, err error) {
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		return "", fmt.Errorf("loading the time zone: %w", err)
	}
	if _, err := schema.Migrate(ctx, path); err != nil {
		return "", err
	}
	engine, err := sqlite.Open(ctx, sqlite.Options{Path: path})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	db := session.New(engine)
	rules := member.Rules{Region: region, Zone: zone}
	if err := counters.UseZone(ctx, db, zone); err != nil {
		return "", err
	}
	told := 0
	by, err := recorder()
	if err != nil {
		return "", err
	}
	err = demo.Fill(ctx, db, unstored{}, demo.Options{
		By:      by,
		Members: members, Media: members, Seed: 1, Now: time.Now(), Rules: rules,
		Progress: func(done, total int) {
			if step := max(total/10, 1); done/step > told {
				told = done / step
				say("%d of %d members", done, total)
			}
		},
	})
	if err != nil {
		return "", err
	}
	var secret operator.Secret
	err = db.Write(ctx, func(w *session.Write) (err error) {
		principal := operator.Principal{Caller: operator.Root(), Recorder: by, At: time.Now()}
		o, err := operator.Create(ctx, w, principal, operator.New{Name: "bench", Role: operator.Administrator})
		if err == nil {
			_, secret, err = operator.CreateToken(ctx, w, principal, o.ID, operator.NewToken{Name: "bench"})
		}
		return err
	})
	return secret.Reveal(), errors.Join(err, engine.Optimize(ctx))
}

// copyTo makes a data folder with a copy of the store.
func (s store) copyTo(folder string) (database string, err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("making a data folder: %w", err)
	}
	from, err := os.Open(s.path)
	if err != nil {
		return "", fmt.Errorf("copying a store: %w", err)
	}
	defer from.Close()
	database = filepath.Join(folder, "muster.db")
	to, err := os.OpenFile(database, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("copying a store: %w", err)
	}
	_, err = io.Copy(to, from)
	if err := errors.Join(err, to.Sync(), to.Close()); err != nil {
		return "", fmt.Errorf("copying a store: %w", err)
	}
	keys := filepath.Join(folder, "keys")
	if err := os.MkdirAll(keys, 0o700); err != nil {
		return "", fmt.Errorf("making a folder for keys: %w", err)
	}
	if err := os.WriteFile(filepath.Join(keys, "audit"), []byte(base64.RawURLEncoding.EncodeToString(recordKey)+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("writing the key of the record: %w", err)
	}
	return database, nil
}

// ids are up to n members of the store, from all of its age, in no order.
func (s store) ids(n int) (list []string, err error) {
	db, err := sqlite3.OpenFlags(s.path, sqlite3.OPEN_READONLY)
	if err != nil {
		return nil, fmt.Errorf("opening a store: %w", err)
	}
	defer db.Close()
	// Ids lead with the time: equal steps of it find members as they signed up.
	stmt, _, err := db.Prepare(`
		with recursive step(n) as (select 0 union all select n + 1 from step where n + 1 < ?1)
		select distinct (select lower(hex(u.id)) from users u
			where u.deleted_at is null and u.id >= unhex(format('%012x', low + n * (high - low) / ?1)) limit 1)
		from step, (select l.at as low, h.at as high from
			(select cast(unixepoch(created_at) * 1000 as integer) as at from users order by id limit 1) l,
			(select cast(unixepoch(created_at) * 1000 as integer) as at from users order by id desc limit 1) h)`)
	if err != nil {
		return nil, fmt.Errorf("asking for ids: %w", err)
	}
	defer stmt.Close()
	if err := stmt.BindInt(1, n); err != nil {
		return nil, fmt.Errorf("asking for ids: %w", err)
	}
	for stmt.Step() {
		if h := stmt.ColumnText(0); len(h) == 32 {
			list = append(list, h[:8]+"-"+h[8:12]+"-"+h[12:16]+"-"+h[16:20]+"-"+h[20:])
		}
	}
	if err := stmt.Err(); err != nil {
		return nil, fmt.Errorf("asking for ids: %w", err)
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	if len(list) == 0 {
		return nil, fmt.Errorf("the store %s has no members: %w", s.path, fs.ErrNotExist)
	}
	return list, nil
}
