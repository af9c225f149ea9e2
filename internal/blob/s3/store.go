package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/musterhq/muster/internal/blob"
)

const (
	attempts       = 3
	maxConnections = 64
	idleLife       = 20 * time.Second // less than the idle timeout of stores
)

// Store is a blob.Store in a bucket. It is safe for concurrent use, also by several
// processes.
type Store struct {
	client    minio.Core
	transport *http.Transport
	clock     *clock
	signer    *signer
	config    Config
}

var _ blob.Store = (*Store)(nil)

// New returns a store, which must be closed. It does no I/O: see [Store.Check]. The
// store uses the proxies of http.ProxyFromEnvironment. Errors are for the person who
// runs Muster and contain no secret.
func New(c Config) (*Store, error) {
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	s := &Store{config: c, transport: newTransport(c.Timeout)}
	s.clock = &clock{next: s.transport}
	client, err := newClient(c, s.clock)
	if err != nil {
		return nil, fmt.Errorf("the S3 store at %s: %w", c.Endpoint, err)
	}
	s.client = minio.Core{Client: client}
	if s.signer, err = newSigner(c, client); err != nil {
		return nil, fmt.Errorf("the S3 store at %s: %w", c.Endpoint, err)
	}
	return s, nil
}

func newTransport(timeout time.Duration) *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: timeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout: timeout,
		MaxConnsPerHost:     maxConnections,
		MaxIdleConnsPerHost: maxConnections / 4,
		IdleConnTimeout:     idleLife,
		DisableCompression:  true, // objects are returned as they were stored
		ForceAttemptHTTP2:   true,
	}
}

func newClient(c Config, transport http.RoundTripper) (*minio.Client, error) {
	lookup := minio.BucketLookupDNS
	if c.PathStyle {
		lookup = minio.BucketLookupPath
	}
	client, err := minio.New(c.Endpoint, &minio.Options{
		Creds:        credentials.NewStaticV4(c.Key, string(c.Secret), string(c.Token)),
		Secure:       strings.HasPrefix(c.Endpoint, "https:"),
		Transport:    transport,
		Region:       c.Region,
		BucketLookup: lookup,
		MaxRetries:   attempts,
	})
	if err != nil {
		return nil, err
	}
	client.SetS3EnableDualstack(strings.Contains(c.Endpoint, ".dualstack."))
	return client, nil
}

// newSigner takes the URL of the bucket from the client, so that both agree. Since
// the region is known, this does no I/O.
func newSigner(c Config, client *minio.Client) (*signer, error) {
	u, err := client.Presign(context.Background(), http.MethodGet, c.Bucket, "k", time.Minute, nil)
	if err != nil {
		return nil, err
	}
	if s3utils.IsAmazonEndpoint(*client.EndpointURL()) && !strings.Contains(u.Host, c.Region) {
		return nil, fmt.Errorf("%q is not a region of Amazon S3: write one such as eu-central-1", c.Region)
	}
	return &signer{
		origin: u.Scheme + "://" + u.Host,
		host:   u.Host,
		prefix: strings.TrimSuffix(u.EscapedPath(), "k"),
		access: c.Key,
		secret: string(c.Secret),
		token:  string(c.Token),
		region: c.Region,
	}, nil
}

// Close closes idle connections. Open objects stay readable.
func (s *Store) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

// Put implements blob.Store. It retries only if r is an io.Seeker.
// blob.ErrUnavailable: the store does not respond, or does not take the content.
func (s *Store) Put(ctx context.Context, key string, size int64, r io.Reader) error {
	if err := blob.CheckPut(ctx, key, size); err != nil {
		return err
	}
	if err := s.put(ctx, key, size, r); err != nil {
		return fmt.Errorf("storing an object: %w", err)
	}
	return nil
}

func (s *Store) put(ctx context.Context, key string, size int64, r io.Reader) error {
	if size == 0 {
		// The client does not read an empty body.
		if _, err := io.Copy(io.Discard, blob.Exactly(r, 0)); err != nil {
			return err
		}
	}
	watched, w := s.watch(ctx)
	defer w.end()
	body := newSource(r, size, w)
	_, err := s.client.Client.PutObject(watched, s.config.Bucket, key, body, size, minio.PutObjectOptions{
		ContentType:      blob.TypeOf(key),
		DisableMultipart: true, // a single request is all or nothing
		// An empty body signed in chunks has one chunk, which some servers do not read.
		DisableContentSha256: size == 0,
	})
	if failure := body.close(); failure != nil && err != nil && ctx.Err() == nil {
		return failure
	}
	return explain(ctx, err)
}

// Delete implements blob.Store. blob.ErrUnavailable: the store does not respond.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := blob.CheckCall(ctx, key); err != nil {
		return err
	}
	watched, w := s.watch(ctx)
	defer w.end()
	err := explain(ctx, s.client.RemoveObject(watched, s.config.Bucket, key, minio.RemoveObjectOptions{}))
	if err != nil && !errors.Is(err, blob.ErrNotFound) {
		return fmt.Errorf("deleting an object: %w", err)
	}
	return nil
}
