package s3

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/fault"
)

const (
	maxSkew   = time.Minute // less than the lifetime of links
	maxAnswer = 64 << 10
	maxQuote  = 300
)

// Check stores, fetches by a link and deletes a small object under muster-check/. Its
// error says what is wrong with the store, the bucket, the keys, their permissions,
// the region or the clock, and what to do; it contains no secret. Only
// blob.ErrUnavailable may resolve itself. Check takes at most a few times
// Config.Timeout.
func (s *Store) Check(ctx context.Context) error {
	if err := s.check(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	if skew := s.clock.skew(); skew.Abs() > maxSkew {
		return errSkew(skew)
	}
	return nil
}

func (s *Store) check(ctx context.Context) error {
	key := "muster-check/" + strings.ToLower(rand.Text()) + ".txt"
	if err := s.attempt(ctx, "s3:PutObject", func(ctx context.Context) error {
		_, err := s.client.Client.PutObject(ctx, s.config.Bucket, key, strings.NewReader(key), int64(len(key)),
			// With a body signed in chunks, a redirect would have two goroutines close
			// the body at once.
			minio.PutObjectOptions{ContentType: blob.TypeOf(key), DisableMultipart: true, DisableContentSha256: true})
		return err
	}); err != nil {
		return err
	}
	fetched := s.attempt(ctx, "s3:GetObject", func(ctx context.Context) error { return s.follow(ctx, key) })
	deleted := s.attempt(ctx, "s3:DeleteObject", func(ctx context.Context) error {
		return s.client.RemoveObject(ctx, s.config.Bucket, key, minio.RemoveObjectOptions{})
	})
	if fetched != nil {
		return fetched
	}
	return deleted
}

func (s *Store) attempt(ctx context.Context, action string, do func(ctx context.Context) error) error {
	watched, w := s.watch(ctx)
	defer w.end()
	return s.diagnose(action, do(watched))
}

// follow fetches a link as a browser does.
func (s *Store) follow(ctx context.Context, key string) error {
	link, err := s.Sign(key, blob.SignOptions{Expires: time.Minute}, time.Now())
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return err
	}
	response, err := s.clock.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return answerOf(response, body)
	}
	if string(body) != key {
		return errors.New("the link does not return the stored object")
	}
	return nil
}

// answerOf parses an error response as the client does.
func answerOf(response *http.Response, body []byte) minio.ErrorResponse {
	answer := minio.ErrorResponse{StatusCode: response.StatusCode}
	if err := xml.Unmarshal(body, &answer); err != nil || answer.Code == "" {
		answer.Code = response.Status
	}
	if answer.Region == "" {
		answer.Region = response.Header.Get("X-Amz-Bucket-Region")
	}
	return answer
}

// diagnose explains the error of an operation to the person who configures the
// store.
func (s *Store) diagnose(action string, err error) error {
	if err == nil {
		return nil
	}
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		return s.unreachable(err)
	}
	c := s.config
	if answer.Region != "" && answer.Region != c.Region {
		return fmt.Errorf("the bucket %q is in region %.70q, not %q: write region=%.70s", c.Bucket, answer.Region, c.Region, answer.Region)
	}
	switch answer.Code {
	case minio.NoSuchBucket:
		return fmt.Errorf("there is no bucket %q at %s: create it, or correct the name", c.Bucket, c.Endpoint)
	case "InvalidAccessKeyId":
		return fmt.Errorf("%s does not know the access key: check AWS_ACCESS_KEY_ID", c.Endpoint)
	case "SignatureDoesNotMatch":
		return fmt.Errorf("%s refuses the signature: check AWS_SECRET_ACCESS_KEY, and that no proxy changes the Host header", c.Endpoint)
	case "ExpiredToken", "InvalidToken":
		return fmt.Errorf("%s refuses the session token: get new temporary keys and set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or unset the last for permanent keys", c.Endpoint)
	case "RequestTimeTooSkewed":
		return errSkew(s.clock.skew())
	case minio.AuthorizationHeaderMalformed, minio.InvalidRegion, "AuthorizationQueryParametersError", "PermanentRedirect", "IncorrectEndpoint":
		return fmt.Errorf("the bucket %q is not in region %q, or not at %s: correct region and endpoint (%.*s)", c.Bucket, c.Region, c.Endpoint, maxQuote, answer.Message)
	}
	if answer.StatusCode == http.StatusForbidden {
		return fmt.Errorf("the access key may not %s in the bucket %q: allow it s3:PutObject, s3:GetObject and s3:DeleteObject on %s/*", action, c.Bucket, c.Bucket)
	}
	switch f := faultOf(answer); {
	case f == nil:
	case f.Is(blob.ErrUnavailable):
		return s.unreachable(answer)
	default:
		return f.Because(answer)
	}
	return fmt.Errorf("%s refused %s with %d %s: %.*s: check that endpoint is an S3 store", c.Endpoint, action, answer.StatusCode, answer.Code, maxQuote, answer.Message)
}

func errSkew(ahead time.Duration) error {
	place := "behind"
	if ahead < 0 {
		place = "ahead of"
	}
	return fmt.Errorf("the clock of this machine is %v %s that of the S3 store, so links would be refused: synchronise the clock with NTP", ahead.Abs(), place)
}

// unreachable returns blob.ErrUnavailable with advice.
func (s *Store) unreachable(err error) error {
	return fault.New(fault.Unavailable, blob.ErrUnavailable.Code, "the S3 store at %s does not respond: %s", s.signer.origin, s.advice(err)).Because(opaque(err))
}

func (s *Store) advice(err error) string {
	var noHost *net.DNSError
	var noTrust *tls.CertificateVerificationError
	switch {
	case errors.As(err, &noHost) && !s.config.PathStyle:
		return "its host has no address; check endpoint, and add path-style=true if the store has no host name for each bucket"
	case errors.As(err, &noHost):
		return "its host has no address; check endpoint"
	case errors.As(err, &noTrust):
		return "its certificate is not trusted; add its authority to those of the system, or correct endpoint"
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "it speaks http, not https; write endpoint=http://…"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("it was silent for %v; check endpoint, the network, and the store", s.config.Timeout)
	}
	return fmt.Sprintf("check endpoint, the network, and the store (%.*s)", maxQuote, reason(err))
}

// reason returns the text of an error without the URL of the request.
func reason(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Error()
	}
	return err.Error()
}
