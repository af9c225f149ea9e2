package session_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/musterhq/muster/engine/sqlite"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

var errNoBook = errors.New("no such book")

// Queries and changes are functions that return values: making one does
// nothing.
func book(id int) query.Query[string] {
	return query.Scalar[string](`select title from book where id = $1`, id).Else(errNoBook)
}

func books() query.Query[int] { return query.Scalar[int](`select count(*) from book`) }

func addBook(id int, title string) query.Change {
	return query.Exec(`insert into book (id, title) values ($1, $2)`, id, title)
}

// library returns a database in a temporary directory, which done removes.
func library(ctx context.Context) (db *session.DB, done func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	engine, err := sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(dir, "library.db")})
	if err != nil {
		log.Fatal(err)
	}
	db = session.New(engine)
	err = db.Write(ctx, func(w *session.Write) error {
		w.Add(query.Exec(`create table book (id integer primary key, title text not null)`),
			addBook(1, "Seven Gothic Tales"), addBook(2, "The Left Hand of Darkness"))
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	return db, func() { _, _ = engine.Close(), os.RemoveAll(dir) }
}

// A gather runs independent queries in one round trip and one snapshot: their
// answers are of the same moment.
func ExampleRead_Gather() {
	ctx := context.Background()
	db, done := library(ctx)
	defer done()

	var title string
	var count int
	err := db.Read(ctx, func(r *session.Read) error {
		return r.Gather(ctx,
			query.Into(&title, book(2)),
			query.Into(&count, books()),
		)
	}, session.Once)
	fmt.Println(title, "is one of", count, err)
	// Output: The Left Hand of Darkness is one of 2 <nil>
}

// Changes that nothing waits for travel with the commit. When Write returns
// nil, they are durable.
func ExampleDB_Write() {
	ctx, cost := session.Track(context.Background(), "")
	db, done := library(context.Background())
	defer done()

	err := db.Write(ctx, func(w *session.Write) error {
		w.Add(addBook(3, "Kindred"), addBook(4, "Pachinko"))
		w.AfterCommit(func(context.Context) { fmt.Println("both are in") })
		return nil
	})
	fmt.Println("round trips:", cost.Total().RoundTrips, err)
	// Output:
	// both are in
	// round trips: 1 <nil>
}

// A query says what a missing row means.
func ExampleRun() {
	ctx := context.Background()
	db, done := library(ctx)
	defer done()

	err := db.Read(ctx, func(r *session.Read) error {
		title, err := session.Run(ctx, r, book(9))
		fmt.Printf("%q %v\n", title, err)
		return err
	})
	fmt.Println(errors.Is(err, errNoBook))
	// Output:
	// "" no such book
	// true
}

// A compare-and-set that finds nothing to change fails the session, and undoes
// all that it did.
func ExampleWrite_Add() {
	ctx := context.Background()
	db, done := library(ctx)
	defer done()

	rename := func(id int, from, to string) query.Change {
		return query.Exec(`update book set title = $3 where id = $1 and title = $2`, id, from, to).Else(errNoBook)
	}
	err := db.Write(ctx, func(w *session.Write) error {
		w.Add(addBook(3, "Kindred"), rename(1, "Winter's Tales", "Last Tales"))
		return nil
	})
	fmt.Println(err)
	_ = db.Read(ctx, func(r *session.Read) error {
		count, err := session.Run(ctx, r, books())
		fmt.Println(count, "books")
		return err
	})
	// Output:
	// no such book
	// 2 books
}
