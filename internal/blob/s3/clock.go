package s3

import (
	"net/http"
	"sync/atomic"
	"time"
)

// A clock measures, from the store's responses, how far its clock is ahead of ours.
type clock struct {
	next  http.RoundTripper
	ahead atomic.Int64 // nanoseconds, as last measured
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

// skew rounds to seconds, like the Date header.
func (c *clock) skew() time.Duration { return time.Duration(c.ahead.Load()).Round(time.Second) }
