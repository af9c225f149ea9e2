package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// runMuster runs a command in this process.
func runMuster(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	stderr, fail := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if fail != nil {
		t.Fatal(fail)
	}
	defer stderr.Close()
	var stdout bytes.Buffer
	code = run(args, console{out: &stdout, err: stderr})
	text, fail := os.ReadFile(stderr.Name())
	if fail != nil {
		t.Fatal(fail)
	}
	return code, stdout.String(), string(text)
}

func TestExitCodeAndRemedy(t *testing.T) {
	t.Parallel()
	absent := filepath.Join(t.TempDir(), "absent")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("no map"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		want string // in standard error
	}{
		{"dance", exitUsage, "See: muster --help"},
		{"operator create", exitUsage, "See: muster operator create --help"},
		{"token create --expires=-1h", exitUsage, "--expires must be in the future"},
		{"operator set --name Kim", exitUsage, "give --role or --rename"},
		{"export --reveal", exitUsage, "--reason must say why, in"},
		{"export --reason x", exitUsage, "--reason must say why, in"},
		{"audit export --member nobody", exitUsage, "--member: "},
		{"audit export --since yesterday", exitUsage, "is neither a day nor a time"},
		{"audit verify --pin 5", exitUsage, "SEQ:MAC"},
		{"import --map absent.toml " + file, exitUsage, "reading the map"},
		{"import --map " + file + " " + file, exitFailed, file},
		{"copy --from x --to y", exitUsage, "it must be sqlite:DIR or postgres://"},
		{"copy --from sqlite:a --to sqlite:./a", exitUsage, "--to names the same store as --from"},
		{"copy --from postgres://localhost/a --to sqlite:b --media dir:c", exitUsage, "can only be copied from a data directory"},
		{"serve --demo=-1", exitUsage, "--demo must be 0 to"},
		{"serve --tls-cert x", exitUsage, "--tls-cert and --tls-key must be given together"},
		{"serve --tls-cert x --tls-key y --acme-domain z", exitUsage, "exclude each other"},
		{"serve --acme-email x", exitUsage, "require --acme-domain"},
		{"serve --acme-domain members.example.org", exitUsage, "--acme-accept-terms"},
		{"serve --http-listen :80", exitUsage, "--http-listen requires"},
		{"serve --trusted-proxy 0.0.0.0/0", exitUsage, "name the proxies"},
		{"serve --time-zone Local", exitUsage, "unknown time zone"},
		{"serve --media x", exitUsage, "it must be dir:PATH or s3://"},
		{"serve --database mysql://x", exitUsage, "it must be the URL of a PostgreSQL server"},
		{"check --database postgres://db.example.org/x", exitUsage, "add sslmode=verify-full"},
		{"check --database postgres://a,b/x", exitUsage, "the URL of one server"},
		{"check --database postgres://localhost/x --pool-readers=-1 --media s3://b?endpoint=http://localhost", exitUsage, ""},
		{"status --replica postgres://localhost/x --data " + absent, exitUsage, "--replica names a server that follows another"},
		{"status --data " + absent, exitStore, "muster serve --data " + absent},
		{"check --data " + absent, exitStore, "does not exist"},
		{"audit head --data " + absent, exitStore, "does not exist"},
		{"role list --data " + file, exitStore, "is a file: name a directory"},
		{"operator create --name x --role viewer --data " + file + "/below", exitStore, "a part of its path is a file"},
	} {
		code, out, err := runMuster(t, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(err, c.want) || out != "" {
			t.Errorf("muster %s: got exit code %d, output %q and error %q, want %d and %q", c.args, code, out, err, c.code, c.want)
		}
	}
	if _, err := os.Stat(absent); err == nil {
		t.Error("a command that failed created a data directory")
	}
}

// TestJSONIsOneDocument runs the commands of operators, roles and tokens as a
// program would, and reads what each writes.
func TestJSONIsOneDocument(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	for _, c := range []struct{ args, field, want string }{
		{"operator create --name Kim --role reviewer", "role", "reviewer"},
		{"operator set --name Kim --role manager --rename Lee", "name", "Lee"},
		{"operator enable --name Lee", "role", "manager"},
		{"role set clerk --permission members:read", "name", "clerk"},
		{"token create --operator Lee --name nightly --expires 0s", "name", "nightly"},
		{"token revoke nightly", "name", "nightly"},
		{"audit verify", "head", ""},
		{"version", "platform", ""},
	} {
		args := append(strings.Fields(c.args), "--json")
		if c.args != "version" {
			args = append(args, "--data", data)
		}
		code, out, err := runMuster(t, args...)
		var got map[string]any
		if fault := json.Unmarshal([]byte(out), &got); code != exitDone || err != "" || fault != nil {
			t.Fatalf("muster %s: got exit code %d, %v, output %q and error %q", c.args, code, fault, out, err)
		}
		if value, is := got[c.field].(string); !is || c.want != "" && value != c.want {
			t.Errorf("muster %s: %s is %v, want %q", c.args, c.field, got[c.field], c.want)
		}
	}
	for args, length := range map[string]int{"operator list": 2, "token list": 1, "role list": 5} {
		code, out, err := runMuster(t, append(strings.Fields(args), "--json", "--data", data)...)
		var got []map[string]any
		if fault := json.Unmarshal([]byte(out), &got); code != exitDone || err != "" || fault != nil || len(got) != length {
			t.Errorf("muster %s: got exit code %d, %v, %d elements and error %q, want %d elements", args, code, fault, len(got), err, length)
		}
	}
}

func TestCheckReportsDifferences(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	if code, _, err := runMuster(t, "migrate", "--data", data); code != exitDone {
		t.Fatal(err)
	}
	if code, out, err := runMuster(t, "check", "--data", data); code != exitDone || out != "No differences; checked 0 photos and documents.\n" {
		t.Fatalf("got exit code %d, %q, %q", code, out, err)
	}
	err := Store{Data: data}.with(t.Context(), openOptions{}, func(s *store) error {
		return s.addWrongCounter(t)
	})
	if err != nil {
		t.Fatal(err)
	}
	code, out, text := runMuster(t, "check", "--data", data)
	if want := "counter total male pending: says 7, counted 0\n1 counters differ and 0 objects are missing; checked 0 photos and documents.\n"; code != exitFailed || out != want || text != "" {
		t.Errorf("got exit code %d, %q, %q, want %q", code, out, text, want)
	}
}

func (s *store) addWrongCounter(t *testing.T) error {
	t.Helper()
	return s.db.Write(t.Context(), func(w *session.Write) error {
		w.Add(query.Exec("insert into member_total (gender, status, n) values ('male', 'pending', 7)"))
		return nil
	})
}
