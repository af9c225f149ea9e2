package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"regexp"
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

// Server serves a handler on a listener until it is stopped.
type Server struct {
	Handler *Handler
	// TLS makes the listener one of HTTPS, with HTTP/2. Nil disables TLS.
	TLS *tls.Config
	// Notice is how long the server still accepts requests after /readyz starts to
	// fail, so that a load balancer notices.
	Notice time.Duration
	// Grace is how long requests in flight may take to finish; zero is 30 seconds.
	Grace time.Duration
}

// Serve answers requests until ctx ends. Then /readyz fails, the server accepts no
// new connections, requests in flight may finish within the grace period, and the
// rest is cut off. When Serve returns, the listener is closed and no goroutine of
// the server is left. The error says why serving ended early, or that requests
// were cut off.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	h := &http.Server{
		Handler:           s.Handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          ConnectionLog(s.Handler.logger),
		TLSConfig:         s.TLS,
	}
	ended := make(chan error, 1)
	go func() {
		if s.TLS != nil {
			ended <- h.ServeTLS(listener, "", "")
		} else {
			ended <- h.Serve(listener)
		}
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	return s.drain(h, ended)
}

func (s *Server) drain(h *http.Server, ended <-chan error) error {
	s.Handler.draining.Store(true)
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
	err := h.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests were cut off after %s: %w", grace, err), h.Close())
	}
	<-ended //nolint:errcheck // it says that the server was shut down
	return err
}

// ConnectionLog returns the log for a [http.Server]: what net/http reports about
// connections, without the addresses at their other ends. A failed handshake is
// logged for debugging only: it comes from scanners and port checks. The source
// of certificates itself reports that it has none.
func ConnectionLog(to *slog.Logger) *log.Logger { return log.New(connectionLog{to}, "", 0) }

type connectionLog struct{ log *slog.Logger }

var remoteAddress = regexp.MustCompile(`(\d+(\.\d+){3}|\[[0-9A-Fa-f:.]+(%\w+)?\]):\d+`)

// Write implements [io.Writer] with one line.
func (c connectionLog) Write(line []byte) (int, error) {
	level := slog.LevelWarn
	if bytes.Contains(line, []byte("TLS handshake error")) {
		level = slog.LevelDebug
	}
	if c.log.Enabled(context.Background(), level) {
		text := remoteAddress.ReplaceAll(bytes.TrimSpace(line), []byte("an address"))
		c.log.Log(context.Background(), level, string(text))
	}
	return len(line), nil
}
