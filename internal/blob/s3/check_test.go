package s3_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/blob/s3"
	"github.com/musterhq/muster/internal/blob/s3test"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	bucket := server.NewBucket(t)
	elsewhere := strings.Replace(server.URL(bucket), "region="+s3test.Region, "region=us-west-9", 1)
	overTLS := strings.Replace(server.URL(bucket), "http%3A", "https%3A", 1)
	nowhere := s3test.URL(bucket, "http://no-such-host.invalid")
	for _, tt := range []struct {
		name, url string
		account   s3test.Account
		says      []string // nothing: it is in order
	}{
		{"in order", server.URL(bucket), s3test.Owner, nil},
		{"in order, by a session", server.URL(bucket), s3test.Session, nil},
		{"no bucket", server.URL("no-such-bucket"), s3test.Owner, []string{`no bucket "no-such-bucket"`, "create it"}},
		{"forbidden", server.URL(bucket), s3test.Stranger, []string{"may not s3:PutObject", bucket, "allow it s3:PutObject, s3:GetObject and s3:DeleteObject"}},
		{"unknown key", server.URL(bucket), s3test.Account{Key: "AKIASOMEONEELSE", Secret: "sesame"}, []string{"check AWS_ACCESS_KEY_ID"}},
		{"wrong secret", server.URL(bucket), s3test.Account{Key: s3test.Owner.Key, Secret: "sesame"}, []string{"check AWS_SECRET_ACCESS_KEY"}},
		{"wrong token", server.URL(bucket), s3test.Account{Key: s3test.Session.Key, Secret: s3test.Session.Secret, Token: "sesame"}, []string{"refuses the session token", "AWS_SESSION_TOKEN"}},
		{"session without a token", server.URL(bucket), s3test.Account{Key: s3test.Session.Key, Secret: s3test.Session.Secret}, []string{"refuses the session token"}},
		{"another region", elsewhere, s3test.Owner, []string{`region "` + s3test.Region + `", not "us-west-9"`, "write region=" + s3test.Region}},
		{"no TLS", overTLS, s3test.Owner, []string{"it speaks http, not https", "write endpoint=http://"}},
		{"no such host", nowhere, s3test.Owner, []string{"does not respond", "host has no address; check endpoint"}},
		{"no such host for a bucket", strings.TrimSuffix(nowhere, "&path-style=true"), s3test.Owner, []string{"add path-style=true"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := newStore(t, parse(t, tt.url, tt.account)).Check(t.Context())
			if tt.says == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatal("got no error")
			}
			wantSays(t, err, tt.says...)
			wantNoKeys(t, err, tt.account)
		})
	}
}

func wantNoKeys(t *testing.T, err error, a s3test.Account) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		if strings.Contains(err.Error(), a.Secret) || a.Token != "" && strings.Contains(err.Error(), a.Token) {
			t.Errorf("%q holds a secret", err)
		}
	}
}

func TestCheckUnreachable(t *testing.T) {
	t.Parallel()
	dead, hung := s3test.Start(t), s3test.Start(t)
	if err := errors.Join(dead.Stop(), hung.Suspend()); err != nil {
		t.Fatal(err)
	}
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = nil
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	for name, tt := range map[string]struct {
		url  string
		says string
	}{
		"dead":      {dead.URL("muster"), "connection refused"},
		"hung":      {hung.URL("muster"), "silent for 300ms"},
		"untrusted": {s3test.URL("muster", untrusted.URL), "certificate is not trusted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := parse(t, tt.url, s3test.Owner)
			if name == "hung" {
				c.Timeout = short
			}
			err := newStore(t, c).Check(t.Context())
			if !errors.Is(err, blob.ErrUnavailable) {
				t.Fatalf("got %v, want %v", err, blob.ErrUnavailable)
			}
			wantSays(t, err, "does not respond", c.Endpoint, tt.says)
			wantNoKeys(t, err, s3test.Owner)
		})
	}
}

// What other stores and those between say.
func TestCheckAnswers(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	bucket := server.NewBucket(t)
	for _, tt := range []struct {
		name, method string
		status       int
		region, body string
		says         []string
	}{
		{"moved", http.MethodPut, 301, "eu-west-3", "<Error><Code>PermanentRedirect</Code></Error>", []string{`is in region "eu-west-3"`, "write region=eu-west-3"}},
		{"moved, it says not where", http.MethodPut, 301, "", "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>", []string{"is not in region", "correct region and endpoint", "elsewhere"}},
		{"a link to another region", http.MethodGet, 400, "", "<Error><Code>AuthorizationQueryParametersError</Code><Region>eu-west-3</Region></Error>", []string{"write region=eu-west-3"}},
		{"full", http.MethodPut, 507, "", "", []string{"is full"}},
		{"overloaded", http.MethodPut, 503, "", "<Error><Code>SlowDown</Code><Message>slow down</Message></Error>", []string{"does not respond", "slow down"}},
		{"a web site", http.MethodPut, 405, "", "<html>welcome</html>", []string{"refused s3:PutObject with 405", "endpoint is an S3 store"}},
		{"a web site for links", http.MethodGet, 404, "", "<html>welcome</html>", []string{"refused s3:GetObject with 404"}},
		{"something else", http.MethodGet, 200, "", "welcome", []string{"does not return the stored object"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			proxy := newProxy(t, server, func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != tt.method {
					return false
				}
				_, _ = io.Copy(io.Discard, r.Body)
				if tt.region != "" {
					w.Header().Set("X-Amz-Bucket-Region", tt.region)
				}
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
				return true
			})
			err := newStore(t, parse(t, s3test.URL(bucket, proxy), s3test.Owner)).Check(t.Context())
			if err == nil {
				t.Fatal("got no error")
			}
			wantSays(t, err, tt.says...)
		})
	}
}

// The action that is not allowed is named, and the object that was stored to
// find out does not stay.
func TestCheckNamesWhatIsForbidden(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	bucket := server.NewBucket(t)
	for method, action := range map[string]string{
		http.MethodPut: "s3:PutObject", http.MethodGet: "s3:GetObject", http.MethodDelete: "s3:DeleteObject",
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			deleted := false
			proxy := newProxy(t, server, func(w http.ResponseWriter, r *http.Request) bool {
				deleted = deleted || r.Method == http.MethodDelete
				if r.Method == method {
					w.WriteHeader(http.StatusForbidden)
				}
				return r.Method == method
			})
			err := newStore(t, parse(t, s3test.URL(bucket, proxy), s3test.Owner)).Check(t.Context())
			if err == nil {
				t.Fatal("got no error")
			}
			wantSays(t, err, "may not "+action)
			if method == http.MethodGet && !deleted {
				t.Error("the object stays")
			}
		})
	}
}

// The server refuses what was signed by a clock that is off by decades: in a
// bubble of synctest it is the year 2000.
func TestCheckByAnotherClock(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	url := server.URL(server.NewBucket(t))
	var err error
	synctest.Test(t, func(t *testing.T) {
		s, newErr := s3.New(parse(t, url, s3test.Owner))
		if newErr != nil {
			t.Fatal(newErr)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err = s.Check(ctx)
		cancel()
		_ = s.Close() // never fails
	})
	if err == nil {
		t.Fatal("got no error")
	}
	wantSays(t, err, "the clock of this machine is", "behind that of the S3 store", "NTP")
}

// A clock that is off by less than a server minds still makes links useless.
func TestCheckSkew(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	bucket := server.NewBucket(t)
	for _, tt := range []struct {
		name  string
		ahead time.Duration // the server
		says  string
	}{
		{"behind", 2 * time.Minute, " behind that of the S3 store"},
		{"ahead", -2 * time.Minute, " ahead of that of the S3 store"},
		{"a little", 20 * time.Second, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			proxy := newProxy(t, server, func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Date", time.Now().Add(tt.ahead).UTC().Format(http.TimeFormat)) // the first one counts
				return false
			})
			err := newStore(t, parse(t, s3test.URL(bucket, proxy), s3test.Owner)).Check(t.Context())
			if tt.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatal("got no error")
			}
			wantSays(t, err, tt.says, "NTP")
		})
	}
}
