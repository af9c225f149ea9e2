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

// UnmarshalText checks which kind it is; what follows is checked by its store.
func (p *place) UnmarshalText(text []byte) error {
	*p = place(text)
	if *p == "" || p.isS3() || strings.HasPrefix(string(*p), "dir:") && len(*p) > len("dir:") {
		return nil
	}
	return errors.New("it is " + placeForm)
}

func (p place) isS3() bool { return strings.HasPrefix(string(p), "s3://") }

// Media are the flags of commands that handle photos and documents.
type Media struct {
	Media place `help:"Where photos and documents are: ${media_form}, with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary keys, AWS_SESSION_TOKEN. Default: media in the data folder." placeholder:"PLACE"`
	Keyring
}

// objects are the photos and documents of a store, opened.
type objects struct {
	blob.Store

	handler http.Handler                // of their links; nil where the store serves them itself
	check   func(context.Context) error // whether the store is as it should be; nil where it cannot be otherwise
	close   func() error
}

// Close frees the store of objects, behind which nothing is unwritten.
func (o *objects) Close() { _ = o.close() }

// probe refuses a store that cannot be right. One that does not answer at the
// moment keeps nobody from the members: it may come back.
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

// openMedia opens the place. Base is what links into a folder begin with.
func (m Media) openMedia(f folder, base string, log *slog.Logger) (*objects, error) {
	if m.Media.isS3() {
		return m.openBucket(log)
	}
	k, err := readKeys(m.keys(f), log)
	if err != nil {
		return nil, err
	}
	path := f.media()
	if m.Media != "" {
		path = strings.TrimPrefix(string(m.Media), "dir:")
	}
	d, err := dir.New(dir.Config{Folder: path, Base: base, Secrets: k.media, Log: log})
	if err != nil {
		return nil, unusable("%w", err)
	}
	return &objects{d, d.Handler(), nil, d.Close}, nil
}

// openBucket asks nothing of the bucket.
func (m Media) openBucket(log *slog.Logger) (*objects, error) {
	config, err := s3.Parse(string(m.Media), os.Getenv)
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	if u, err := url.Parse(config.Endpoint); err == nil && u.Scheme == "http" && !staysHere(u) {
		log.Warn("photos and documents go to another machine in plain text: use an endpoint with https where somebody else can listen", "endpoint", u.Host)
	}
	b, err := s3.New(config)
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	return &objects{b, nil, b.Check, b.Close}, nil
}
