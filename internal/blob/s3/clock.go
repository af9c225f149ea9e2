package s3

import (
	"net/http"
	"sync/atomic"
	"time"
)

// A clock notes by how much the store's clock is ahead of ours, as its answers
// say.
type clock struct {
	next  http.RoundTripper
	ahead atomic.Int64 // nanoseconds; what was noted last
}

func (c *clock) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		c.ahead.Store(int64(time.Until(date)))
	}
	return response, nil
}

// skew is rounded, since a Date has no more than seconds.
func (c *clock) skew() time.Duration { return time.Duration(c.ahead.Load()).Round(time.Second) }
