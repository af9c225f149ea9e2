package main

import (
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"strings"
)

// schema is shaped like Muster's: identifiers are the primary keys of tables
// without rowid, and every relation leads with its member's.
const schema = `
pragma journal_mode = wal;
create table users (id blob primary key, phone text, name text, gender text, birth_year integer,
  status text, created_at text, updated_at text, deleted_at text, version integer) strict, without rowid;
create table profile (member_id blob primary key, height integer, education text, occupation text,
  employer text, income integer, region text, religion text, introduction text) strict, without rowid;
create table lifestyle (member_id blob primary key, smoking text, drinking text, exercise text,
  diet text, pets text, hobbies text) strict, without rowid;
create table preference (member_id blob primary key, age_min integer, age_max integer, genders text,
  regions text, goal text) strict, without rowid;
create table subscription (member_id blob, id blob, plan text, status text, started_at text,
  expires_at text, primary key (member_id, id)) strict, without rowid;
create table photos (member_id blob, id blob, s3_key text, display_order integer, status text, content_type text,
  bytes integer, sha256 text, created_at text, primary key (member_id, id)) strict, without rowid;
create table documents (member_id blob, id blob, s3_key text, kind text, status text, content_type text,
  bytes integer, sha256 text, created_at text, primary key (member_id, id)) strict, without rowid;
create table note (id integer primary key, member_id blob, body text) strict;`

const (
	photosEach    = 3
	documentsEach = 1
)

// page is what the page of a member asks, and how many rows each part has.
var page = []struct {
	sql  string
	rows int
}{
	{"select * from users where id = ?1 and deleted_at is null", 1},
	{"select * from profile where member_id = ?1", 1},
	{"select * from lifestyle where member_id = ?1", 1},
	{"select * from preference where member_id = ?1", 1},
	{"select * from subscription where member_id = ?1 order by id desc limit 1", 1},
	{"select * from photos where member_id = ?1 order by display_order limit 50", photosEach},
	{"select * from documents where member_id = ?1 order by id limit 50", documentsEach},
}

// id spreads the members over the tree as UUIDs would be.
func id(n int) []byte {
	b := make([]byte, 16)
	binary.BigEndian.PutUint64(b, uint64(n)*0x9e3779b97f4a7c15) //nolint:gosec // not negative
	binary.BigEndian.PutUint64(b[8:], uint64(n))                //nolint:gosec // not negative
	return b
}

// fill makes the database that all drivers read.
func fill(path string, members int) error {
	c, err := openNcruces(path)
	if err != nil {
		return err
	}
	defer c.close() //nolint:errcheck // an error before it says more
	if err := execAll(c, strings.Split(schema, ";\n")...); err != nil {
		return err
	}
	if err := execAll(c, "begin"); err != nil {
		return err
	}
	for table, row := range rows() {
		if err := insert(c, table, members, row); err != nil {
			return err
		}
	}
	// A full ANALYZE would keep samples of the columns, by which the one driver
	// that is built to use them (SQLITE_ENABLE_STAT4) plans a statement anew for
	// every argument; engine/sqlite never runs one.
	return execAll(c, "commit", "pragma analysis_limit = 1000", "analyze", "pragma wal_checkpoint(truncate)")
}

func execAll(c conn, list ...string) error {
	for _, sql := range list {
		s, err := c.prepare(sql)
		if err != nil {
			return err
		}
		if _, err := s.run(); err != nil {
			return err
		}
	}
	return nil
}

// rows gives for each table the rows of the n-th member.
func rows() map[string]func(n int) [][]driver.Value {
	const now, later = "2026-01-31T09:00:00.123456Z", "2027-01-31T09:00:00.123456Z"
	hash := strings.Repeat("9f86d081", 8)
	return map[string]func(n int) [][]driver.Value{
		"users": func(n int) [][]driver.Value {
			return [][]driver.Value{{id(n), fmt.Sprintf("+8210%08d", n), "김바다", "female", int64(1960 + n%45), "approved", now, now, nil, int64(1)}}
		},
		"profile": func(n int) [][]driver.Value {
			return [][]driver.Value{{id(n), int64(150 + n%50), "bachelor", "architect", "나루건축", int64(52_000_000), "Seoul", "none", strings.Repeat("안녕하세요. ", 8)}}
		},
		"lifestyle": func(n int) [][]driver.Value {
			return [][]driver.Value{{id(n), "never", "sometimes", "often", "omnivore", `["cat"]`, `["hiking","films"]`}}
		},
		"preference": func(n int) [][]driver.Value {
			return [][]driver.Value{{id(n), int64(28), int64(38), `["male"]`, `["Seoul"]`, "marriage"}}
		},
		"subscription": func(n int) [][]driver.Value {
			return [][]driver.Value{{id(n), id(n + 1), "basic", "active", now, later}}
		},
		"photos": func(n int) (list [][]driver.Value) {
			for i := range photosEach {
				list = append(list, []driver.Value{id(n), id(n + i), fmt.Sprintf("photos/%d/%d.jpg", n, i), int64(i), "approved", "image/jpeg", int64(183_204), hash, now})
			}
			return list
		},
		"documents": func(n int) [][]driver.Value {
			return [][]driver.Value{{id(n), id(n), fmt.Sprintf("documents/%d.pdf", n), "identity", "approved", "application/pdf", int64(83_204), hash, now}}
		},
	}
}

func insert(c conn, table string, members int, row func(int) [][]driver.Value) error {
	columns := len(row(0)[0])
	s, err := c.prepare("insert into " + table + " values (?" + strings.Repeat(", ?", columns-1) + ")")
	if err != nil {
		return err
	}
	for n := range members {
		for _, values := range row(n) {
			if _, err := s.run(values...); err != nil {
				return fmt.Errorf("filling %s: %w", table, err)
			}
		}
	}
	return nil
}
