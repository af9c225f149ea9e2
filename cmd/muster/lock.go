package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// A dirLock keeps a second server out of the data directory. The system releases
// it when its holder ends, whatever the reason. A nil lock keeps nobody out.
type dirLock struct{ file *os.File }

// holder is what the file of a lock says about the server that holds it.
type holder struct {
	PID     int       `json:"pid"`
	Address string    `json:"address"`
	Since   time.Time `json:"since"`
}

// lockDir locks the data directory.
func lockDir(d dataDir) (*dirLock, error) {
	file, err := os.OpenFile(d.lock(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, explain(string(d), err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return &dirLock{file}, nil
	}
	defer file.Close()
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, unusable("locking the data directory %s: %w", d, err)
	}
	var h holder
	if json.NewDecoder(file).Decode(&h) != nil {
		return nil, unusable("the data directory %s is in use by another server, which is starting or stopping", d)
	}
	return nil, unusable("the data directory %s is in use by another server: process %d, at %s, since %s. Stop it first, or name another directory with --data",
		d, h.PID, h.Address, h.Since.Format(time.RFC3339))
}

// sign writes who holds the lock, for a server that fails to get it.
func (l *dirLock) sign(address string, since time.Time) error {
	if l == nil {
		return nil
	}
	err := l.file.Truncate(0)
	if err == nil {
		err = json.NewEncoder(l.file).Encode(holder{os.Getpid(), address, since.UTC().Truncate(time.Second)})
	}
	if err != nil {
		return fmt.Errorf("signing the lock: %w", err)
	}
	return nil
}

// release unlocks the directory. The file stays: if it were removed, two servers
// could lock two files.
func (l *dirLock) release() {
	if l == nil {
		return
	}
	_ = l.file.Truncate(0) // only to clear who held it
	_ = l.file.Close()
}
