package httpapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bounds of a connection.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 30 * time.Second // headers and body
	writeTimeout   = requestDeadline + 15*time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 32 << 10
)

// Server serves an API on a listener until it is told to stop.
type Server struct {
	API *API
	// TLS makes the listener one of HTTPS, with HTTP/2; nil is without.
	TLS *tls.Config
	// Notice is how long the server still takes requests after /readyz has begun
	// to say no, so that a load balancer sees it. Zero where there is none.
	Notice time.Duration
	// Grace is how long requests in flight may take to end; zero is 30 seconds.
	Grace time.Duration
}

// Serve answers requests until ctx ends. It then says on /readyz that it stops,
// takes no new connections, lets the requests in flight finish within the
// grace, and cuts off what is left. When it returns, the listener is closed and
// no goroutine of the server is left. The error says why serving ended early,
// or that requests had to be cut off.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	h := &http.Server{
		Handler:           s.API,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          ConnectionLog(s.API.logger),
		TLSConfig:         s.TLS,
	}
	serve := h.Serve
	if s.TLS != nil {
		serve = func(l net.Listener) error { return h.ServeTLS(l, "", "") }
	}
	var work sync.WaitGroup
	defer work.Wait()
	ended := make(chan error, 1)
	work.Go(func() { ended <- serve(listener) })
	select {
	case err := <-ended:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	return s.drain(h, ended)
}

func (s *Server) drain(h *http.Server, ended <-chan error) error {
	s.API.draining.Store(true)
	if s.Notice > 0 {
		select {
		case err := <-ended:
			return fmt.Errorf("serving: %w", err)
		case <-time.After(s.Notice):
		}
	}
	grace := s.Grace
	if grace == 0 {
		grace = requestDeadline
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := h.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests were cut off after %s: %w", grace, err), h.Close())
	}
	return nil
}
