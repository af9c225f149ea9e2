package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// requester gives the bytes of the next request, which stay as they are until
// it is called again. One goroutine uses it.
type requester func() []byte

// sample is what a turn of requests gave.
type sample struct {
	requests int
	took     time.Duration
	latency  []time.Duration // sorted
}

func (s sample) percentile(p float64) time.Duration {
	if len(s.latency) == 0 {
		return 0
	}
	return s.latency[min(int(p*float64(len(s.latency))), len(s.latency)-1)]
}

func (s sample) rate() float64 { return float64(s.requests) / s.took.Seconds() }

// load sends requests over so many connections, each the next as soon as it has
// the answer, for a while. The connections are there before the clock starts,
// and answers are counted and not read, so that the client takes as little as it
// can of the processors that it shares with the server. An answer that is not
// 2xx ends it.
func load(ctx context.Context, address string, connections int, d time.Duration, next func(connection int) requester) (sample, error) {
	clients := make([]*client, connections)
	for i := range clients {
		c, err := dial(ctx, address)
		if err != nil {
			return sample{}, err
		}
		defer c.conn.Close()
		c.next = next(i)
		clients[i] = c
	}
	errs := make([]error, connections)
	var wg sync.WaitGroup
	start := time.Now()
	for i, c := range clients {
		wg.Go(func() { errs[i] = c.repeat(ctx, start.Add(d)) })
	}
	wg.Wait()
	s := sample{took: time.Since(start)}
	for _, c := range clients {
		s.latency = append(s.latency, c.latency...)
	}
	s.requests = len(s.latency)
	slices.Sort(s.latency)
	return s, errors.Join(errs...)
}

// client is one connection.
type client struct {
	conn    net.Conn
	in      *bufio.Reader
	next    requester
	latency []time.Duration
}

const patience = 30 * time.Second

func dial(ctx context.Context, address string) (*client, error) {
	d := net.Dialer{Timeout: patience}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}, nil
}

func (c *client) repeat(ctx context.Context, end time.Time) error {
	if err := c.conn.SetDeadline(end.Add(patience)); err != nil {
		return fmt.Errorf("setting a deadline: %w", err)
	}
	for before := time.Now(); before.Before(end); {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.exchange(c.next()); err != nil {
			return err
		}
		after := time.Now()
		c.latency = append(c.latency, after.Sub(before))
		before = after
	}
	return nil
}

var (
	lengthHeader = []byte("Content-Length: ")
	errAnswer    = errors.New("the answer is not one that the client reads")
)

// exchange sends a request and skips its answer, which has a length.
func (c *client) exchange(request []byte) error {
	if _, err := c.conn.Write(request); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	status, err := c.line()
	if err != nil {
		return err
	}
	good := len(status) > 9 && status[9] == '2'
	told := string(status)
	length := -1
	for {
		header, err := c.line()
		if err != nil {
			return err
		}
		if len(header) == 0 {
			break
		}
		if text, found := bytes.CutPrefix(header, lengthHeader); found {
			if length, err = strconv.Atoi(string(text)); err != nil {
				return errAnswer
			}
		}
	}
	if length < 0 {
		return errAnswer
	}
	if !good {
		body, _ := c.in.Peek(min(length, 500)) // as much as there is
		return fmt.Errorf("%w: %s: %s", errAnswer, told, body)
	}
	if _, err := c.in.Discard(length); err != nil {
		return fmt.Errorf("reading: %w", err)
	}
	return nil
}

func (c *client) line() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	return bytes.TrimRight(line, "\r\n"), nil
}
