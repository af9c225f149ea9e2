package s3

import (
	"context"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minio/minio-go/v7"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/blob"
)

// The example of Amazon's documentation.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
func TestSignAmazonsExample(t *testing.T) {
	t.Parallel()
	s := &signer{
		origin: "https://examplebucket.s3.amazonaws.com", host: "examplebucket.s3.amazonaws.com", prefix: "/",
		access: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region: "us-east-1",
	}
	got := s.sign(presign{key: "test.txt", from: time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC), seconds: 86400})
	want := "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256" +
		"&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
		"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host" +
		"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestSignEqualsClient signs whatever there is to sign, at any time, as minio-go
// does: byte for byte.
func TestSignEqualsClient(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c, p := drawConfig(rt), drawPresign(rt)
		later := time.Duration(rapid.Int64Range(0, int64(200*365*24*time.Hour)).Draw(rt, "later"))
		var ours, again, theirs string
		var err error
		synctest.Test(t, func(t *testing.T) { // where time is ours
			time.Sleep(later)
			ours, again, theirs, err = signBoth(t.Context(), c, p)
		})
		if err != nil {
			rt.Fatal(err)
		}
		if ours != theirs || again != theirs {
			rt.Errorf("got  %s\nthen %s\nwant %s", ours, again, theirs)
		}
	})
}

// signBoth signs twice, the second time with the day's key at hand, and has
// minio-go sign.
func signBoth(ctx context.Context, c Config, p presign) (ours, again, theirs string, err error) {
	client, err := newClient(c, http.DefaultTransport)
	if err != nil {
		return "", "", "", err
	}
	s, err := newSigner(c, client)
	if err != nil {
		return "", "", "", err
	}
	p.from = time.Now()
	theirs, err = clientURL(ctx, client, c.Bucket, p)
	return s.sign(p), s.sign(p), theirs, err
}

func drawConfig(rt *rapid.T) Config {
	c := Config{
		Bucket:    rapid.SampledFrom([]string{"muster", "a-bucket-of-mine", "123"}).Draw(rt, "bucket"),
		PathStyle: rapid.Bool().Draw(rt, "path style"),
		Key:       rapid.StringMatching(`[!-~]{1,30}`).Draw(rt, "key id"),
		Secret:    Secret(rapid.StringMatching(`[!-~]{1,50}`).Draw(rt, "secret")),
		Token:     Secret(rapid.StringMatching(`([!-~]{1,500})?`).Draw(rt, "token")),
	}
	switch rapid.IntRange(0, 3).Draw(rt, "whose") {
	case 0:
		c.Region = rapid.SampledFrom([]string{"us-east-1", "eu-central-1", "ap-northeast-2", "cn-north-1", "us-gov-west-1"}).Draw(rt, "region")
		c.Endpoint = rapid.SampledFrom([]string{"https://s3." + c.Region + ".amazonaws.com", "https://s3.dualstack." + c.Region + ".amazonaws.com", "http://s3.amazonaws.com"}).Draw(rt, "endpoint")
	case 1:
		c.Region = "auto"
		c.Endpoint = "https://storage.googleapis.com"
	default:
		c.Region = rapid.StringMatching(`[A-Za-z0-9_-]{1,20}`).Draw(rt, "region")
		c.Endpoint = rapid.SampledFrom([]string{
			"http://localhost:9000", "https://media.example.org", "http://media.example.org:80", "https://media.example.org:443",
			"http://media.example.org:443", "http://10.0.0.1:9000", "http://[::1]:9000", "https://[::1]:443",
		}).Draw(rt, "endpoint")
		c.PathStyle = c.PathStyle || strings.ContainsAny(c.Endpoint[5:], "[1")
	}
	return c
}

func drawPresign(rt *rapid.T) presign {
	p := presign{
		key:     drawKey(rt),
		seconds: rapid.Int64Range(1, 7*24*60*60).Draw(rt, "seconds"),
	}
	p.maxAge = rapid.Int64Range(0, 1e6).Draw(rt, "max age")
	p.noStore = rapid.Bool().Draw(rt, "no store")
	p.disposition = rapid.String().Draw(rt, "disposition")
	p.contentType = rapid.String().Draw(rt, "response content type")
	return p
}

// drawKey takes in what a key of Muster's never holds.
func drawKey(rt *rapid.T) string {
	return rapid.OneOf(
		rapid.StringMatching(`[a-z0-9]{1,20}(/[a-z0-9_-]{1,20}){0,5}\.[a-z]{3}`),
		rapid.StringMatching(`[!-~]{1,60}`),
		rapid.StringMatching(`k(\pL|\pN|\pS|[ /+%&=?#~*'()!@$,:;"<>\\^|{}]){0,40}`),
	).Filter(func(key string) bool { return len(key) <= 1024 }).Draw(rt, "key")
}

func clientURL(ctx context.Context, client *minio.Client, bucket string, p presign) (string, error) {
	query := url.Values{}
	if p.noStore {
		query.Set("response-cache-control", "no-store")
	} else if p.maxAge > 0 {
		query.Set("response-cache-control", "private, max-age="+strconv.FormatInt(p.maxAge, 10))
	}
	for name, value := range map[string]string{"response-content-disposition": p.disposition, "response-content-type": p.contentType} {
		if value != "" {
			query.Set(name, value)
		}
	}
	u, err := client.PresignedGetObject(ctx, bucket, p.key, time.Duration(p.seconds)*time.Second, query)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

// Links of one store begin on different days, and are signed at once.
func TestSignAcrossDays(t *testing.T) {
	t.Parallel()
	shared := newTestStore(t)
	now := time.Date(2030, 3, 1, 0, 0, 1, 0, time.UTC)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 200 {
				o := blob.SignOptions{Expires: []time.Duration{time.Minute, 40 * time.Hour, 70 * time.Hour, blob.MaxExpires}[(i+n)%4]}
				at := now.Add(time.Duration(n) * 20 * time.Hour)
				got, err := shared.Sign("a/b.jpg", o, at)
				if err != nil {
					t.Error(err)
					return
				}
				if want, _ := newTestStore(t).Sign("a/b.jpg", o, at); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		})
	}
	wg.Wait()
}

// Allocations can only be counted while no other test runs.
func TestSignAllocates(t *testing.T) {
	s, now := newTestStore(t), time.Now()
	got := testing.AllocsPerRun(1000, func() {
		if _, err := s.Sign(photoKey, blob.SignOptions{Expires: time.Minute}, now); err != nil {
			t.Error(err)
		}
	})
	want := 1.0 // the URL
	if hasRaceDetector() {
		want = 9 // it makes a sync.Pool forget at random
	}
	if got > want {
		t.Errorf("got %.1f allocations, want at most %.0f", got, want)
	}
}

func hasRaceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func BenchmarkSign(b *testing.B) {
	token := Secret("FwoGZXIvYXdzEXAMPLE" + strconv.Itoa(1<<40))
	for _, bb := range []struct {
		name  string
		o     blob.SignOptions
		token Secret
		urls  int
	}{
		{"photo", blob.SignOptions{Expires: 10 * time.Minute}, "", 1},
		{"document", blob.SignOptions{Expires: time.Minute, Filename: "identity card.pdf", ContentType: "application/pdf"}, "", 1},
		{"photo by a session", blob.SignOptions{Expires: 10 * time.Minute}, token, 1},
		{"twelve photos", blob.SignOptions{Expires: 10 * time.Minute}, "", 12},
	} {
		b.Run(bb.name, func(b *testing.B) {
			s, now := newTestStore(b), time.Now()
			s.signer.token = string(bb.token)
			b.ReportAllocs()
			for b.Loop() {
				for range bb.urls {
					if _, err := s.Sign(photoKey, bb.o, now); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkSignClient is what the same takes minio-go.
func BenchmarkSignClient(b *testing.B) {
	s := newTestStore(b)
	query := url.Values{"response-content-type": {"image/jpeg"}, "response-content-disposition": {"inline"}}
	for b.Loop() {
		if _, err := s.client.PresignedGetObject(b.Context(), s.config.Bucket, photoKey, time.Minute, query); err != nil {
			b.Fatal(err)
		}
	}
}

const photoKey = "members/0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47/photos/0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47.jpg"

// newTestStore is a store that nobody serves.
func newTestStore(t testing.TB) *Store {
	t.Helper()
	s, err := New(Config{
		Bucket: "muster", Endpoint: "https://s3.eu-central-1.amazonaws.com", Region: "eu-central-1",
		Key: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
