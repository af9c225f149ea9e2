package s3_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/blob/s3"
)

const secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

// variables are the AWS variables as they should be, with some changed.
func variables(changes map[string]string) func(string) string {
	all := map[string]string{"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": secretKey}
	maps.Copy(all, changes)
	return func(name string) string { return all[name] }
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, url string
		variables map[string]string
		want      s3.Config
	}{
		{
			"a store of one's own", "s3://muster?endpoint=http://localhost:9000&region=us-east-1&path-style=true", nil,
			s3.Config{Bucket: "muster", Endpoint: "http://localhost:9000", Region: "us-east-1", PathStyle: true},
		},
		{
			"escaped", "s3://muster/?endpoint=https%3A%2F%2FMedia.Example.org%2F&region=garage&path-style=false", nil,
			s3.Config{Bucket: "muster", Endpoint: "https://media.example.org", Region: "garage"},
		},
		{
			"Amazon", "s3://muster?region=eu-central-1", map[string]string{"AWS_REGION": "us-east-1"},
			s3.Config{Bucket: "muster", Endpoint: "https://s3.eu-central-1.amazonaws.com", Region: "eu-central-1"},
		},
		{
			"region of the variable, a session", "s3://muster", map[string]string{"AWS_REGION": "us-east-1", "AWS_SESSION_TOKEN": "token/+="},
			s3.Config{Bucket: "muster", Endpoint: "https://s3.us-east-1.amazonaws.com", Region: "us-east-1", Token: "token/+="},
		},
		{
			"bucket with a dot, IPv6", "s3://my.muster?endpoint=http://[::1]:9000&region=r&path-style=true", nil,
			s3.Config{Bucket: "my.muster", Endpoint: "http://[::1]:9000", Region: "r", PathStyle: true},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := s3.Parse(tt.url, variables(tt.variables))
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Key, tt.want.Secret = "AKIAIOSFODNN7EXAMPLE", secretKey
			// cmp prints the secrets as stars, and compares them.
			if got != tt.want {
				t.Errorf("(-want +got):\n%s", cmp.Diff(tt.want, got))
			}
			if _, err := s3.New(got); err != nil {
				t.Errorf("a store of it: %v", err)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const rest = "?endpoint=http://localhost:9000&region=r&path-style=true"
	for _, tt := range []struct {
		name, url string
		variables map[string]string
		says      []string
	}{
		{"nothing", "", nil, []string{"write s3://BUCKET?endpoint=URL"}},
		{"no URL", "s3://muster\x7f" + secretKey, nil, []string{"write s3://BUCKET"}},
		{"another scheme", "https://muster.s3.amazonaws.com", nil, []string{"write s3://BUCKET"}},
		{"no bucket", "s3://" + rest, nil, []string{"the bucket is missing"}},
		{"no authority", "s3:muster" + rest, nil, []string{"the bucket is missing", "write s3://BUCKET"}},
		{"short bucket", "s3://mu" + rest, nil, []string{`"mu" is not a bucket`, "3 to 63"}},
		{"bucket with capitals", "s3://Muster" + rest, nil, []string{`"Muster" is not a bucket`}},
		{"bucket with a port", "s3://muster:9000" + rest, nil, []string{"a bucket has no port: write host and port as endpoint="}},
		{"directory bucket", "s3://muster--use1-az4--x-s3?region=us-east-1", nil, []string{"directory bucket", "general purpose"}},
		{"keys in the URL", "s3://AKIA:" + "sesame-open@muster" + rest, nil, []string{"set AWS_ACCESS_KEY_ID"}},
		{"folder", "s3://muster/media" + rest, nil, []string{"remove the path"}},
		{"fragment", "s3://muster" + rest + "#x", nil, []string{"%23"}},
		{"malformed query", "s3://muster" + rest + "&x=%zz", nil, []string{"malformed"}},
		{"unknown parameter", "s3://muster" + rest + "&pathstyle=true&secret=sesame-open", nil, []string{`unknown parameter "pathstyle"`, `"secret"`, "use endpoint, region and path-style"}},
		{"twice", "s3://muster" + rest + "&region=s", nil, []string{"region is given more than once; give it once"}},
		{"path style", "s3://muster?region=r&path-style=yes", nil, []string{"path-style must be true or false"}},
		{"no region", "s3://muster?endpoint=http://localhost:9000&path-style=true", nil, []string{"region is missing", "AWS_REGION", "us-east-1"}},
		{"malformed region", "s3://muster?region=eu%20central", nil, []string{`"eu central" is not a region`}},
		{"endpoint without a scheme", "s3://muster?endpoint=localhost:9000&region=r", nil, []string{"endpoint=http://localhost:9000"}},
		{"endpoint with another scheme", "s3://muster?endpoint=ftp://localhost&region=r", nil, []string{"http:// or https://"}},
		{"endpoint without a host", "s3://muster?endpoint=http://:9000&region=r", nil, []string{"and a host"}},
		{"endpoint in another script", "s3://muster?endpoint=http://바다.example&region=r", nil, []string{"and a host"}},
		{"endpoint with a path", "s3://muster?endpoint=http://localhost/minio&region=r", nil, []string{`remove "/minio"`}},
		{"endpoint with a query", "s3://muster?endpoint=http://localhost%3Fa=b&region=r", nil, []string{"has a ?"}},
		{"endpoint with a password", "s3://muster?endpoint=http://a:sesame-open@localhost&region=r", nil, []string{"user or password"}},
		{"endpoint of Outposts", "s3://muster?endpoint=https://x.s3-outposts.eu-west-1.amazonaws.com&region=eu-west-1", nil, []string{"Outposts"}},
		{"endpoint without names", "s3://muster?endpoint=http://127.0.0.1:9000&region=r", nil, []string{"IP address", "add path-style=true"}},
		{"certificate for a dot", "s3://my.muster?region=eu-west-1", nil, []string{"bucket with a dot", "add path-style=true"}},
		{"no key", "s3://muster" + rest, map[string]string{"AWS_ACCESS_KEY_ID": ""}, []string{"AWS_ACCESS_KEY_ID is missing"}},
		{"no secret", "s3://muster" + rest, map[string]string{"AWS_SECRET_ACCESS_KEY": ""}, []string{"AWS_SECRET_ACCESS_KEY is missing"}},
		{"broken secret", "s3://muster" + rest, map[string]string{"AWS_SECRET_ACCESS_KEY": "sesame-open\n"}, []string{"AWS_SECRET_ACCESS_KEY contains a space, a line break"}},
		{"broken token", "s3://muster" + rest, map[string]string{"AWS_SESSION_TOKEN": "sesame-open sesame"}, []string{"AWS_SESSION_TOKEN contains"}},
		{
			"all at once", "s3://?endpoint=localhost&path-style=1&x=y", map[string]string{"AWS_ACCESS_KEY_ID": ""},
			[]string{"the bucket", "the endpoint", "path-style", "unknown parameter", "the region", "AWS_ACCESS_KEY_ID"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := s3.Parse(tt.url, variables(tt.variables))
			if err == nil {
				t.Fatal("got a configuration, want it refused")
			}
			wantSays(t, err, tt.says...)
		})
	}
}

func TestNewRefusesUnknownRegion(t *testing.T) {
	t.Parallel()
	c, err := s3.Parse("s3://muster?region=eu-central-99", variables(nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s3.New(c); err == nil {
		t.Fatal("got a store in another region, want it refused")
	}
	wantSays(t, err, `"eu-central-99" is not a region of Amazon S3`)
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	c, err := s3.Parse("s3://muster?region=eu-central-1", variables(map[string]string{"AWS_SESSION_TOKEN": "sesame-open"}))
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for how, text := range map[string]string{
		"%v": fmt.Sprintf("%v", c), "%+v": fmt.Sprintf("%+v", c), "%#v": fmt.Sprintf("%#v", c), "JSON": string(asJSON),
	} {
		if !strings.Contains(text, "***") || hasSecret(text) {
			t.Errorf("%s: got %s", how, text)
		}
	}
}

func hasSecret(text string) bool {
	return strings.Contains(text, secretKey) || strings.Contains(text, "sesame")
}

func wantSays(t *testing.T, err error, says ...string) {
	t.Helper()
	for _, want := range says {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want it to say %q", err, want)
		}
	}
	if hasSecret(err.Error()) {
		t.Errorf("%q holds a secret", err)
	}
}
