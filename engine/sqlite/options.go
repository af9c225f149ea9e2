package sqlite

import (
	"runtime"
	"time"
)

// Options of an engine. Only Path has no default.
type Options struct {
	Path string // of the database file, which is created if it is missing

	Readers     int           // connections that read; default twice the processors, 4 to 16
	WriteLimit  time.Duration // how long one write session may hold the writer; default 5 s
	BusyTimeout time.Duration // how long to wait for another process that writes; default 5 s
	QueueLimit  int           // write sessions that may wait; default 1024
	GroupLimit  int           // write sessions that may share a commit; default 128, 1 turns sharing off
	GroupAge    time.Duration // after which a group takes no more sessions; default 20 ms
	CacheKiB    int           // page cache of a connection; default 4096, four times that for the writer
}

func (o Options) withDefaults() Options {
	if o.Readers <= 0 {
		o.Readers = min(max(4, 2*runtime.GOMAXPROCS(0)), 16)
	}
	setDefault(&o.WriteLimit, 5*time.Second)
	setDefault(&o.BusyTimeout, 5*time.Second)
	setDefault(&o.QueueLimit, 1024)
	setDefault(&o.GroupLimit, 128)
	setDefault(&o.GroupAge, 20*time.Millisecond)
	setDefault(&o.CacheKiB, 4096)
	return o
}

func setDefault[T int | time.Duration](v *T, value T) {
	if *v <= 0 {
		*v = value
	}
}
