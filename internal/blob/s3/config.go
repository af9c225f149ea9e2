package s3

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/s3utils"
)

const (
	form           = "s3://BUCKET?endpoint=URL&region=R&path-style=true"
	defaultTimeout = 10 * time.Second
)

// Config describes a bucket and the account that may use it. See [Parse].
type Config struct {
	Bucket    string
	Endpoint  string // http:// or https:// with a host
	Region    string
	PathStyle bool // the bucket is in the path of URLs, not in the host

	Key    string
	Secret Secret
	Token  Secret // only for temporary keys

	// Timeout bounds how long a request may wait for the store: for a response, or
	// for the next piece of an object. Zero is 10 seconds.
	Timeout time.Duration
}

// Secret is a string that prints as stars.
type Secret string

// String hides the secret.
func (Secret) String() string { return "***" }

// GoString hides the secret.
func (Secret) GoString() string { return "***" }

// MarshalText hides the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Parse parses s3://BUCKET?endpoint=URL&region=R&path-style=true and, with getenv,
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (for temporary keys) and
// AWS_REGION (for URLs without a region). Without an endpoint, the bucket is on Amazon
// S3. Path style is for stores without a host name for each bucket. The error lists
// all that is wrong, with remedies, and contains no secret.
func Parse(media string, getenv func(string) string) (Config, error) {
	var c Config
	u, err := url.Parse(media)
	if err != nil || u.Scheme != "s3" {
		// The URL may contain secrets, so the error does not quote it.
		return c, fmt.Errorf("this is not an S3 URL: write %s", form)
	}
	p := parser{query: u.Query()}
	p.address(u)
	p.parameters()
	c.Bucket = p.bucket(u)
	c.Region = p.region(getenv("AWS_REGION"))
	c.Endpoint = p.endpoint(c.Region)
	c.PathStyle = p.pathStyle()
	c.Key = p.variable(getenv, "AWS_ACCESS_KEY_ID")
	c.Secret = Secret(p.variable(getenv, "AWS_SECRET_ACCESS_KEY"))
	c.Token = Secret(p.unbroken("AWS_SESSION_TOKEN", getenv("AWS_SESSION_TOKEN")))
	if len(p.wrong) == 0 {
		p.style(c)
	}
	if len(p.wrong) > 0 {
		return Config{}, fmt.Errorf("the media URL or its AWS variables: %w", errors.Join(p.wrong...))
	}
	return c, nil
}

// parser collects what is wrong.
type parser struct {
	query url.Values
	wrong []error
}

func (p *parser) fail(format string, args ...any) {
	p.wrong = append(p.wrong, fmt.Errorf(format, args...))
}

func (p *parser) address(u *url.URL) {
	if u.User != nil {
		p.fail("keys do not belong in the URL: remove the part before @ and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	if u.Path != "" && u.Path != "/" || u.Opaque != "" {
		p.fail("Muster uses a whole bucket: remove the path after it and write %s", form)
	}
	if u.Port() != "" {
		p.fail("a bucket has no port: write host and port as endpoint=http://HOST:PORT")
	}
	if u.Fragment != "" {
		p.fail("a # is not allowed: write it as %%23 if it belongs to a value")
	}
	if _, err := url.ParseQuery(u.RawQuery); err != nil {
		p.fail("the part after ? is malformed: write %s, with %%26 for an & within a value", form)
	}
}

func (p *parser) parameters() {
	for _, name := range slices.Sorted(maps.Keys(p.query)) {
		switch name {
		case "endpoint", "region", "path-style":
			if len(p.query[name]) > 1 {
				p.fail("%s is given more than once; give it once", name)
			}
		default:
			p.fail("unknown parameter %.40q: use endpoint, region and path-style, and set keys as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", name)
		}
	}
}

func (p *parser) bucket(u *url.URL) string {
	name := u.Hostname()
	switch err := s3utils.CheckValidBucketNameStrict(name); {
	case name == "":
		p.fail("the bucket is missing: write %s", form)
	case err != nil:
		p.fail("%.70q is not a bucket: a name has 3 to 63 lower-case letters, digits, - and dots (%w)", name, err)
	case strings.HasSuffix(name, "--x-s3"):
		p.fail("%q is a directory bucket, which has its own protocol: create a general purpose bucket", name)
	}
	return name
}

var regionForm = regexp.MustCompile(`\A[A-Za-z0-9_-]{1,64}\z`)

func (p *parser) region(fallback string) string {
	name := cmp.Or(p.query.Get("region"), fallback)
	if name == "" {
		p.fail("the region is missing: add region=R, such as eu-central-1, or set AWS_REGION; for your own store, use the one in its configuration, often us-east-1")
	} else if !regionForm.MatchString(name) {
		p.fail("%.70q is not a region: write one such as eu-central-1", name)
	}
	return name
}

func (p *parser) endpoint(region string) string {
	text := p.query.Get("endpoint")
	if text == "" {
		return "https://s3." + region + ".amazonaws.com"
	}
	u, err := url.Parse(text)
	switch {
	case err == nil && u.User != nil:
		p.fail("the endpoint contains a user or password: remove the part before @ and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || !isHost(u.Host):
		p.fail("the endpoint is not valid: write http:// or https:// and a host, optionally with a port, such as endpoint=http://localhost:9000")
	case u.Path != "" && u.Path != "/":
		p.fail("the endpoint has a path: remove %.80q, because S3 uses the root of a host; the bucket follows s3://", u.Path)
	case u.RawQuery != "" || u.Fragment != "":
		p.fail("the endpoint has a ? or #: remove it; region and path-style follow an & in the media URL")
	case s3utils.IsAmazonOutpostsEndpoint(*u):
		p.fail("the endpoint belongs to S3 on Outposts, which Muster does not support: use a bucket of a region")
	default:
		return u.Scheme + "://" + strings.ToLower(u.Host) // as browsers send it, and so as it must be signed
	}
	return ""
}

// isHost accepts only hosts that browsers send unchanged.
func isHost(host string) bool {
	return len(host) <= 255 && !strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"<>^{|}\%`, r) })
}

func (p *parser) pathStyle() bool {
	switch text := p.query.Get("path-style"); text {
	case "true":
		return true
	case "false", "":
		return false
	default:
		p.fail("path-style must be true or false, not %.20q", text)
		return false
	}
}

func (p *parser) variable(getenv func(string) string, name string) string {
	value := getenv(name)
	if value == "" {
		p.fail("%s is missing: set it to that of an account that may read, write and delete in the bucket", name)
	}
	return p.unbroken(name, value)
}

func (p *parser) unbroken(name, value string) string {
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		p.fail("%s contains a space, a line break or another invalid character: set it again", name)
	}
	return value
}

// style refuses virtual hosts that cannot work.
func (p *parser) style(c Config) {
	if c.PathStyle {
		return
	}
	u, _ := url.Parse(c.Endpoint) // it was parsed before
	if net.ParseIP(u.Hostname()) != nil {
		p.fail("an IP address has no host name for a bucket: add path-style=true")
	}
	if u.Scheme == "https" && strings.Contains(c.Bucket, ".") {
		p.fail("no certificate covers the host name of a bucket with a dot: add path-style=true")
	}
}
