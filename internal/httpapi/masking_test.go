package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/httpapi"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/rest"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

const why = "the member asked to be called back"

func reveal(reason string) string { return fmt.Sprintf(`{"fields":["phone"],"reason":%q}`, reason) }

// shows reports whether a text tells what the mask of kim's phone hides.
func shows(text []byte) bool {
	for _, digits := range []string{"8210234", "10-2345", "102345", "0-2345", "23456789"} {
		if bytes.Contains(text, []byte(digits)) {
			return true
		}
	}
	return false
}

// Whatever an administrator does: a phone and a document are shown as their
// masks.
func TestMasking(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.call(t, "POST", admin+"/members", kim, key("once")).want(t, 201)
	path, etag := made.header.Get("Location"), made.header.Get("ETag")
	b.addMedia(t, path)
	if made.text("phone") != "+82 10-••••-6789" {
		t.Errorf("got the phone %q", made.text("phone"))
	}
	all := "?include=profile,lifestyle,preference,subscription,photos,documents"
	for name, r := range map[string]response{
		"a creation":            made,
		"its repetition":        b.call(t, "POST", admin+"/members", kim, key("once")).want(t, 201),
		"a phone that is taken": b.call(t, "POST", admin+"/members", kim).problem(t, 409, "phone_taken"),
		"a detail":              b.call(t, "GET", path, "").want(t, 200),
		"a list":                b.call(t, "GET", admin+"/members"+all, "").want(t, 200),
		"a search for a name":   b.call(t, "GET", admin+"/members?q="+url.QueryEscape("바다"), "").want(t, 200),
		"a search for digits":   b.call(t, "GET", admin+"/members?q=6789", "").want(t, 200),
		"a search for a phone":  b.call(t, "GET", admin+"/members?q=01023456789", "").want(t, 200),
		"a stale change":        b.call(t, "PATCH", path, `{"phone":"010-1111-2222"}`, with("If-Match", `"v99"`)).problem(t, 412, "version_mismatch"),
		"a phone that is none":  b.call(t, "PATCH", path, `{"phone":"010-2345"}`).problem(t, 422, "invalid"),
		"a change":              b.call(t, "PATCH", path, `{"name":"x"}`, with("If-Match", etag)).want(t, 200),
		"a deletion":            b.call(t, "DELETE", path, "").want(t, 200),
		"a restoration":         b.call(t, "POST", path+"/restore", "").want(t, 200),
		"the record":            b.call(t, "GET", admin+"/audit", "").want(t, 200),
	} {
		if shows(r.body) {
			t.Errorf("%s shows the phone: %s", name, r)
		}
		if bytes.Contains(r.body, []byte("documents/")) && name != "the record" {
			t.Errorf("%s shows where a document is: %s", name, r)
		}
	}
	document := b.call(t, "GET", path, "").want(t, 200).object["documents"].([]any)[0].(map[string]any)
	if link, there := document["url"]; !there || link != nil || document["kind"] != "identity" {
		t.Errorf("got the document %v", document)
	}
}

// What the mask hides cannot be found out by asking otherwise.
func TestMaskIsNoOracle(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.custom(t, "clerk", "members:read", "members:write")
	path, etag := b.create(t, kim)
	viewer, clerk := b.as(t, operator.Viewer), b.as(t, "clerk")
	found := func(q string, by option) int {
		list, _ := b.call(t, "GET", admin+"/members?q="+url.QueryEscape(q), "", by).want(t, 200).object["items"].([]any)
		return len(list)
	}
	if found("6789", viewer) != 1 || found("0000", viewer) != 0 || found("바다", viewer) != 1 {
		t.Error("what the mask shows is not found")
	}
	// Right and wrong guesses get the same answer.
	for _, q := range []string{"56789", "46789", "010-2345-6789", "010-2345-6788", "+821023456789", "０１０２３４５６７８９", "2345 6789"} {
		b.call(t, "GET", admin+"/members?q="+url.QueryEscape(q), "", viewer).problem(t, 403, "forbidden")
	}
	for _, q := range []string{"phone=%2B821023456789", "sort=phone", "sort=-phone", "include=phone", "phone_prefix=8210"} {
		b.call(t, "GET", admin+"/members?"+q, "", viewer).problem(t, 422, "invalid")
	}
	same := func(by option, status int, code string, bodies ...string) {
		t.Helper()
		var first string
		for _, body := range bodies {
			r := b.call(t, "PATCH", path, body, by, with("If-Match", `"v99"`)).problem(t, status, code)
			delete(r.object, "request_id")
			if got, _ := json.Marshal(r.object); first == "" {
				first = string(got)
			} else if string(got) != first {
				t.Errorf("%s is told %s, and the first %s", body, got, first)
			}
		}
	}
	same(clerk, 403, "forbidden", `{"phone":"010-2345-6789"}`, `{"phone":"010-2345-6788"}`)
	// Who may set a phone learns from a stale change no more than the mask: it is
	// told in any case.
	root := as("Bearer " + b.secret.Reveal())
	if r := b.call(t, "PATCH", path, `{"phone":"010-1111-2222"}`, with("If-Match", `"v99"`)).problem(t, 412, "version_mismatch"); shows(r.body) {
		t.Errorf("got %s", r)
	}
	same(root, 412, "version_mismatch", `{"phone":"010-1111-2222"}`, `{"phone":"010-2345-6788"}`, `{"phone":"010-2345-6789"}`, `{"phone":"+82 10 2345 6789"}`)
	// The mask itself is no phone.
	for _, mask := range []string{"+82 10-••••-6789", "+82 10-****-6789"} {
		if r := b.call(t, "PATCH", path, fmt.Sprintf(`{"phone":%q}`, mask)).problem(t, 422, "invalid"); r.fields()["phone"] != "masked" {
			t.Errorf("got %s", r)
		}
	}
	b.call(t, "POST", path+"/reveal", reveal(why)).want(t, 200)
	if got := b.call(t, "GET", path, "", with("If-None-Match", etag), viewer).want(t, 304).header.Get("ETag"); got != etag {
		t.Errorf("a reveal, and nothing else, changed the tag from %s to %s", etag, got)
	}
}

// entries are those of the record about a member, the newest first.
func (b *bundle) entries(t testing.TB, query string) (list []map[string]any) {
	t.Helper()
	items, _ := b.call(t, "GET", admin+"/audit?"+query, "").want(t, 200).object["items"].([]any)
	for _, item := range items {
		list = append(list, item.(map[string]any))
	}
	return list
}

// What is masked is told for a reason, on the record, and for a moment.
func TestReveal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path, _ := b.create(t, kim)
	b.addMedia(t, path)
	id := path[len(admin+"/members/"):]
	manager, reviewer := b.as(t, operator.Manager), b.as(t, operator.Reviewer)
	for name, body := range map[string]string{
		"no reason": `{"fields":["phone"]}`, "an empty one": reveal(""), "one that says nothing": reveal("because"), "blanks": reveal(strings.Repeat(" ", 20)),
		"no fields": `{"reason":"` + why + `"}`, "other fields": `{"fields":["name"],"reason":"` + why + `"}`,
	} {
		if r := b.call(t, "POST", path+"/reveal", body, manager).problem(t, 422, "invalid"); len(r.fields()) != 1 {
			t.Errorf("%s: got %s", name, r)
		}
	}
	if got := b.entries(t, "action=phone.reveal"); len(got) != 0 {
		t.Errorf("what was refused is on the record: %v", got)
	}
	r := b.call(t, "POST", path+"/reveal", reveal(why), manager).want(t, 200)
	if r.text("phone") != "+821023456789" || r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %s, %v", r, r.header)
	}
	e := b.entries(t, "member_id="+id+"&action=phone.reveal")
	if len(e) != 1 || e[0]["reason"] != why || e[0]["operator"] != "the manager" || e[0]["source"] != "127.0.0.1" || e[0]["request_id"] != r.header.Get("X-Request-Id") {
		t.Errorf("the record has %v", e)
	}
	b.call(t, "POST", path+"/reveal", reveal(why), reviewer).problem(t, 403, "forbidden")
	b.call(t, "POST", fill(admin+"/members/{user_id}/reveal"), reveal(why), manager).problem(t, 404, "not_found")

	document := b.call(t, "GET", path, "").object["documents"].([]any)[0].(map[string]any)["id"].(string)
	b.call(t, "POST", path+"/documents/"+document+"/reveal", `{"reason":"x"}`, reviewer).problem(t, 422, "invalid")
	b.call(t, "POST", path+"/documents/"+document+"/reveal", `{"reason":"`+why+`"}`, b.as(t, operator.Viewer)).problem(t, 403, "forbidden")
	b.call(t, "POST", fill(path+"/documents/{document_id}/reveal"), `{"reason":"`+why+`"}`, reviewer).problem(t, 404, "document_not_found")
	r = b.call(t, "POST", path+"/documents/"+document+"/reveal", `{"reason":"`+why+`"}`, reviewer).want(t, 200)
	until, err := time.Parse(time.RFC3339, r.text("url_expires_at"))
	if err != nil || until.After(start.Add(time.Minute)) || until.Before(start.Add(20*time.Second)) {
		t.Errorf("the link ends at %s, %v", until, err)
	}
	got := b.call(t, "GET", r.text("url"), "").want(t, 200)
	if string(got.body) != "a document" || got.header.Get("Content-Disposition") != `attachment; filename="identity.pdf"` || got.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("got %q, %v", got.body, got.header)
	}
	b.clock.set(start.Add(61 * time.Second))
	b.call(t, "GET", r.text("url"), "").want(t, 403)
	if e := b.entries(t, "member_id="+id+"&action=document.reveal"); len(e) != 1 || e[0]["target"] != document || e[0]["operator"] != "the reviewer" {
		t.Errorf("the record has %v", e)
	}
}

// No record, no answer.
func TestNoRecordNoAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path, _ := b.create(t, kim)
	b.call(t, "POST", path+"/reveal", reveal(why)).want(t, 200)
	b.write(t, func(w *session.Write) error {
		w.Add(query.Exec("drop table audit_pending"))
		return nil
	})
	for _, c := range [][3]string{
		{"POST", path + "/reveal", reveal(why)}, {"GET", admin + "/members?q=01023456789"}, {"PATCH", path, `{"name":"x"}`}, {"DELETE", path},
	} {
		if r := b.call(t, c[0], c[1], c[2]).problem(t, 500, "internal"); shows(r.body) {
			t.Errorf("got %s", r)
		}
	}
	if r := b.call(t, "GET", path, "").want(t, 200); r.text("name") != "김바다" {
		t.Errorf("got %s", r)
	}
}

// An operator sees what is masked so many times in an hour, however it asks.
func TestRevealLimit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.reopen(t, func(o *httpapi.Options) { o.Reveals = 3 })
	path, _ := b.create(t, kim)
	b.addMedia(t, path)
	document := b.call(t, "GET", path, "").object["documents"].([]any)[0].(map[string]any)["id"].(string)
	manager := b.as(t, operator.Manager)
	b.call(t, "POST", path+"/reveal", reveal(why), manager).want(t, 200)
	b.call(t, "POST", path+"/documents/"+document+"/reveal", `{"reason":"`+why+`"}`, manager).want(t, 200)
	b.clock.set(start.Add(30 * time.Minute))
	b.call(t, "GET", admin+"/members?q=01023456789", "", manager).want(t, 200)
	for _, c := range [][3]string{
		{"POST", path + "/reveal", reveal(why)}, {"POST", path + "/documents/" + document + "/reveal", `{"reason":"` + why + `"}`}, {"GET", admin + "/members?q=01023456789"},
	} {
		if r := b.call(t, c[0], c[1], c[2], manager).problem(t, 429, "too_many_reveals"); r.header.Get("Retry-After") == "" || shows(r.body) {
			t.Errorf("got %s", r)
		}
	}
	b.call(t, "GET", admin+"/members?q=6789", "", manager).want(t, 200)  // the mask shows as much
	b.call(t, "POST", path+"/reveal", reveal(why)).want(t, 200)          // another operator
	b.clock.set(start.Add(time.Hour + time.Second))                      // two of the three are older than an hour
	b.call(t, "POST", path+"/reveal", reveal(why), manager).want(t, 200) //
	b.clock.set(start.Add(3 * time.Hour))                                // now all at once
	var wg sync.WaitGroup
	got := make([]int, 12)
	for i := range got {
		wg.Go(func() { got[i] = b.call(t, "POST", path+"/reveal", reveal(why), manager).status })
	}
	wg.Wait()
	seen := map[int]int{}
	for _, status := range got {
		seen[status]++
	}
	if seen[200] != 3 || seen[429] != 9 {
		t.Errorf("of 12 at once: %v", seen)
	}
}

// reopen has another API on the same store.
func (b *bundle) reopen(t *testing.T, change func(*httpapi.Options)) {
	t.Helper()
	o := b.options(b.blob)
	change(&o)
	var err error
	if b.api, err = httpapi.New(o); err != nil {
		t.Fatal(err)
	}
	b.server.Close()
	b.server = httptest.NewServer(b.api)
	t.Cleanup(b.server.Close)
}

// The record tells who did what, from where and why.
func TestRecord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	manager := b.as(t, operator.Manager)
	path, _ := b.create(t, kim, manager)
	other, _ := b.create(t, person(1))
	id := path[len(admin+"/members/"):]
	b.clock.set(start.Add(time.Minute))
	b.call(t, "PATCH", path, `{"name":"이산","phone":"010-8765-4321","profile":{"region":"Busan"}}`, manager).want(t, 200)
	b.call(t, "PATCH", path, `{"name":"이산"}`, manager).want(t, 200) // which changes nothing
	b.clock.set(start.Add(2 * time.Minute))
	b.call(t, "DELETE", path, "", manager).want(t, 200)
	b.clock.set(start.Add(3 * time.Minute))
	b.call(t, "POST", path+"/restore", "").want(t, 200)
	got := b.entries(t, "member_id="+id)
	var actions []string
	for _, e := range got {
		actions = append(actions, e["action"].(string))
	}
	if strings.Join(actions, " ") != "member.restore member.delete member.change member.create" {
		t.Fatalf("the record has %v", actions)
	}
	change, _ := json.Marshal([]any{got[2]["was"], got[2]["became"]})
	if want := `[{"name":"김바다","phone":"+82 10-••••-6789","profile.region":"Seoul"},{"name":"이산","phone":"+82 10-••••-4321","profile.region":"Busan"}]`; string(change) != want {
		t.Errorf("the change is recorded as %s, want %s", change, want)
	}
	if got[2]["operator"] != "the manager" || got[0]["operator"] != "tests" || got[2]["token_id"] == nil {
		t.Errorf("got %v and %v", got[2], got[0])
	}
	me := b.call(t, "GET", admin+"/me", "", manager).text("operator_id")
	for query, want := range map[string]int{
		"operator_id=" + me:                           3,
		"operator_id=" + me + "&action=member.change": 1,
		"action=member.create":                        2,
		"member_id=" + other[len(admin+"/members/"):]: 1,
		"member_id=" + id + "&from=" + start.Add(30*time.Second).Format("2006-01-02T15:04:05Z"): 3,
		"member_id=" + id + "&to=" + start.Add(30*time.Second).Format("2006-01-02T15:04:05Z"):   1,
		"action=member.nothing": 0,
	} {
		if got := b.entries(t, query); len(got) != want {
			t.Errorf("%s: got %d entries, want %d", query, len(got), want)
		}
	}
	seen := 0
	for cursor, pages := "", 0; pages < 50; pages++ {
		r := b.call(t, "GET", admin+"/audit?limit=2"+cursor, "").want(t, 200)
		items, _ := r.object["items"].([]any)
		seen += len(items)
		if r.text("next_cursor") == "" {
			break
		}
		cursor = "&cursor=" + r.text("next_cursor")
	}
	if all := len(b.entries(t, "limit=200")); seen != all || all < 7 {
		t.Errorf("page by page there are %d entries, of %d", seen, all)
	}
	b.call(t, "GET", admin+"/audit", "", b.as(t, operator.Reviewer)).problem(t, 403, "forbidden")
	for query, field := range map[string]string{"operator_id=x": "operator_id", "from=yesterday": "from", "cursor=x": "cursor", "limit=0": "limit"} {
		if r := b.call(t, "GET", admin+"/audit?"+query, "").problem(t, 422, "invalid"); r.fields()[field] == "" {
			t.Errorf("%s: got %s", query, r)
		}
	}
}

// Who can write to the database can damage an entry, and hides none by it.
func TestDamagedEntriesAreShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, kim)
	for _, text := range []string{`{"name":"a","name":"b"}`, `{"name":"\ud800"}`, `{"name":`, `[`, ``, `null`} {
		b.write(t, func(w *session.Write) error {
			w.Add(query.Exec("update audit set became = $1, reason = $1 where action = $2", text, "member.create"))
			return nil
		})
		if got := b.entries(t, "action=member.create"); len(got) != 1 || got[0]["reason"] != text {
			t.Errorf("%s: got %v", text, got)
		}
	}
}

// TestCanary looks for what is personal in everything that leaves the program
// beside answers to those who may see them: the log, what is counted, problems,
// and the links and places that it makes.
func TestCanary(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var mu sync.Mutex
	var counted []string
	b.reopen(t, func(o *httpapi.Options) {
		o.Log = slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.Observe = func(s rest.Seen) {
			mu.Lock()
			defer mu.Unlock()
			counted = append(counted, fmt.Sprintf("%+v", s))
		}
	})
	const name, phone, note, reason = "Canaria Zwitscher", "+4915112345678", "kanarienvogel", "goldhamster wants to be called"
	body := `{"phone":"` + phone + `","name":"` + name + `","gender":"other","birth_year":1977,"profile":{"introduction":"` + note + `"}}`
	made := b.call(t, "POST", admin+"/members", body, key("canary")).want(t, 201)
	path := made.header.Get("Location")
	b.addMedia(t, path)
	opened := b.call(t, "GET", path, "").want(t, 200)
	photo := opened.object["photos"].([]any)[0].(map[string]any)["url"].(string)
	document := opened.object["documents"].([]any)[0].(map[string]any)["id"].(string)
	paper := b.call(t, "POST", path+"/documents/"+document+"/reveal", `{"reason":"`+reason+`"}`).want(t, 200)
	token := b.call(t, "POST", admin+"/me/tokens", `{"name":"`+note+`"}`).want(t, 201).text("token")
	outside := []string{path, photo, paper.text("url")}
	for _, c := range []struct{ method, path, body string }{
		{"POST", admin + "/members", body}, // taken
		{"GET", admin + "/members?q=" + note, ""}, {"GET", admin + "/members?q=" + url.QueryEscape(phone), ""}, {"GET", admin + "/members?" + note + "=" + note, ""},
		{"GET", "/" + note, ""}, {"GET", admin + "/members/" + note, ""}, {"GET", admin + "/" + url.PathEscape(name), ""},
		{"PATCH", path, `{"name":"` + name + `","phone":"` + note + `"}`}, {"PATCH", path, `{"` + note + `":"` + note + `"}`},
		{"PATCH", path, `{"status":"approved","name":"` + name + `","birth_year":"` + note + `"}`},
		{"POST", admin + "/members", `{"phone":"` + note + `","name":5}`}, {"POST", admin + "/members", `{"name":"` + name + `"`},
		{"POST", path + "/reveal", reveal(reason)}, {"POST", path + "/reveal", `{"fields":["` + note + `"],"reason":"` + reason + `"}`},
		{"POST", admin + "/operators", `{"name":"` + name + `","role":"` + note + `"}`}, {"POST", admin + "/me/tokens", `{"name":"x","scope":["` + note + `"]}`},
		{"GET", photo + note, ""}, {"GET", photo, ""}, {"DELETE", path, ""}, {"GET", path, ""},
	} {
		r := b.call(t, c.method, c.path, c.body, with("X-Request-Id", phone), with("User-Agent", note), with("Referer", "http://x/"+note),
			with("Muster-Position", note), with("Idempotency-Key", note), with("X-Forwarded-For", note))
		if r.status >= 400 && r.header.Get("Content-Type") == "application/problem+json" {
			outside = append(outside, fmt.Sprint(r.object))
		}
		outside = append(outside, r.header.Get("Location"), r.header.Get("ETag"), r.header.Get("Server-Timing"), r.header.Get("WWW-Authenticate"))
	}
	b.call(t, "GET", admin+"/members", "", as("Bearer "+token)).want(t, 200)
	b.call(t, "GET", admin+"/members", "", as("Bearer "+note)).problem(t, 401, "invalid_token")
	log := b.log.String()
	if strings.Count(log, "\n") < 20 || !strings.Contains(log, `"route":"/api/v1/admin/members/{user_id}"`) || len(counted) < 20 {
		t.Fatalf("the log is not there, or nothing was counted:\n%s", log)
	}
	outside = append(append(outside, log), counted...)
	for what, canary := range map[string]string{
		"the name": "Canaria", "the phone": phone, "digits of the phone": phone[3:], "a part of the phone": "1511234", "a note": note, "a reason": "goldhamster",
		"the secret": b.secret.Reveal(), "another secret": token, "the hash of a secret": string(b.secret.Hash()),
	} {
		for _, text := range outside {
			if !strings.Contains(text, canary) {
				continue
			}
			if what == "a note" && strings.Contains(text, "unknown_parameter") || strings.Contains(text, "unknown_field") && what == "a note" {
				continue // a problem names the field as the caller wrote it
			}
			t.Errorf("%s is in %.300s", what, text)
		}
	}
}
