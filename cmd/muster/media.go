package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/blob/dir"
	"github.com/musterhq/muster/internal/blob/s3"
)

// place is where photos and documents are.
type place string

const placeForm = "dir:PATH or s3://BUCKET?endpoint=URL&region=R&path-style=true"

// UnmarshalText checks the kind; the store checks the rest.
func (p *place) UnmarshalText(text []byte) error {
	*p = place(text)
	if *p == "" || p.isS3() || strings.HasPrefix(string(*p), "dir:") && len(*p) > len("dir:") {
		return nil
	}
	return errors.New("it must be " + placeForm)
}

func (p place) isS3() bool { return strings.HasPrefix(string(p), "s3://") }

// Media are the flags of commands that handle photos and documents.
type Media struct {
	Media place `help:"Where photos and documents are: ${media_form}, with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary keys, AWS_SESSION_TOKEN. Default: media in the data directory." placeholder:"PLACE"`
	Keyring
}

// objects is the open store of photos and documents.
type objects struct {
	blob.Store

	handler http.Handler                // of the links; nil if the store serves them itself
	check   func(context.Context) error // that the store is usable; nil if opening it shows that
	close   func() error
}

// Close closes the store; nothing is left to write.
func (o *objects) Close() { _ = o.close() }

// probe refuses a store that is misconfigured. One that does not answer at the
// moment may come back, and nobody needs it to see the members.
func (o *objects) probe(ctx context.Context, log *slog.Logger) error {
	if o.check == nil {
		return nil
	}
	switch err := o.check(ctx); {
	case errors.Is(err, blob.ErrUnavailable):
		log.Warn("photos and documents cannot be reached at the moment", "error", err)
	case err != nil:
		return unusable("--media: %w", err)
	}
	return nil
}

// openMedia opens the store of objects. Base is what links into a directory begin
// with.
func (m Media) openMedia(d dataDir, base string, log *slog.Logger) (*objects, error) {
	if m.Media.isS3() {
		return m.openBucket(log)
	}
	secrets, err := m.key(d, "media", log)
	if err != nil {
		return nil, err
	}
	path := d.media()
	if m.Media != "" {
		path = strings.TrimPrefix(string(m.Media), "dir:")
	}
	s, err := dir.New(dir.Config{Folder: path, Base: base, Secrets: secrets, Log: log})
	if err != nil {
		return nil, unusable("%w", err)
	}
	return &objects{s, s.Handler(), nil, s.Close}, nil
}

// openBucket does not contact the bucket.
func (m Media) openBucket(log *slog.Logger) (*objects, error) {
	config, err := s3.Parse(string(m.Media), os.Getenv)
	if err != nil {
		return nil, usage("%w", err)
	}
	if u, err := url.Parse(config.Endpoint); err == nil && u.Scheme == "http" && !isLocal(u) {
		log.Warn("photos and documents travel to another machine in plain text: use an endpoint with https unless nobody else can listen", "endpoint", u.Host)
	}
	b, err := s3.New(config)
	if err != nil {
		return nil, usage("%w", err)
	}
	return &objects{b, nil, b.Check, b.Close}, nil
}
