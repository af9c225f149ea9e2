package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// A lock keeps a second server from the data folder. The system releases it
// when its holder ends, however that comes about. A nil lock keeps nobody out.
type lock struct{ file *os.File }

// holder is what a lock's file says of the server that holds it.
type holder struct {
	PID     int       `json:"pid"`
	Address string    `json:"address"`
	Since   time.Time `json:"since"`
}

// take locks the folder.
func (f folder) take() (*lock, error) {
	file, err := os.OpenFile(f.lock(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, explain(string(f), err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return &lock{file}, nil
	}
	defer file.Close()
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, unusable("locking the data folder %s: %w", f, err)
	}
	var h holder
	if json.NewDecoder(file).Decode(&h) != nil {
		return nil, unusable("the data folder %s is in use by another server, which is just starting or stopping", f)
	}
	return nil, unusable("the data folder %s is in use by another server: process %d, at %s, since %s. Stop it first, or name another folder with --data",
		f, h.PID, h.Address, h.Since.Format(time.RFC3339))
}

// sign writes down who holds the lock, for whoever comes second.
func (l *lock) sign(address string, since time.Time) error {
	if l == nil {
		return nil
	}
	text, err := json.Marshal(holder{os.Getpid(), address, since.UTC().Truncate(time.Second)})
	if err != nil {
		return fmt.Errorf("signing the lock: %w", err)
	}
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("signing the lock: %w", err)
	}
	if _, err := l.file.WriteAt(append(text, '\n'), 0); err != nil {
		return fmt.Errorf("signing the lock: %w", err)
	}
	return nil
}

// release gives the folder to whoever comes next. The file stays: to remove it
// would let two servers lock two files.
func (l *lock) release() {
	if l == nil {
		return
	}
	_ = l.file.Truncate(0) // it says who was here, no more
	_ = l.file.Close()
}
