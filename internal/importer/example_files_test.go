package importer_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/directory"
	"github.com/musterhq/muster/internal/importer"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/session"
)

const examples = "../../docs/examples"

func readMap(t testing.TB, path string) *importer.Map {
	t.Helper()
	m, err := importer.ReadMap(path)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// list returns all members, the oldest first.
func list(t testing.TB, db *session.DB, filter directory.Filter) []member.Detail {
	t.Helper()
	var all []member.Detail
	err := db.Read(t.Context(), func(r *session.Read) error {
		o := directory.ListOptions{Filter: filter, Sort: directory.Sort{Ascending: true}, Limit: directory.MaxLimit, Include: member.WithAll}
		for {
			page, err := directory.List(t.Context(), r, member.Rules{}, o)
			if err != nil {
				return err
			}
			all = append(all, page.Items...)
			if o.After = page.Next; o.After == nil {
				return nil
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func deref[T any](v *T) (zero T) {
	if v == nil {
		return zero
	}
	return *v
}

func TestSpeedDating(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	options := importer.Options{
		By:      testkit.Recorder(),
		Map:     readMap(t, filepath.Join(examples, "speed-dating.toml")),
		File:    filepath.Join(examples, "speed-dating.csv"),
		Rejects: filepath.Join(t.TempDir(), "rejects.csv"),
	}
	report := run(t, db, options)
	if report.Rows != 551 || report.Created != 551 || report.Rejected != 0 || !report.Complete {
		t.Errorf("got %+v, want 551 rows, all of them created", report)
	}
	checkSpeedDatingColumns(t, report)

	members := list(t, db, directory.Filter{})
	genders := map[member.Gender]int{}
	for _, m := range members {
		genders[m.Gender]++
	}
	if diff := cmp.Diff(map[member.Gender]int{member.Female: 274, member.Male: 277}, genders); diff != "" {
		t.Errorf("genders (-want +got):\n%s", diff)
	}
	checkFirstOfSpeedDating(t, members[0])
	if at := members[550]; at.Name != "Participant 552" {
		t.Errorf("the last member is %q, want that of the file", at.Name)
	}

	again := run(t, db, options)
	if again.Created != 0 || again.Present != 551 || again.Before == nil {
		t.Errorf("imported again, got %+v, want 551 present, imported before", again)
	}
}

func checkFirstOfSpeedDating(t *testing.T, m member.Detail) {
	t.Helper()
	got := map[string]any{
		"external_id": deref(m.ExternalID), "name": m.Name, "gender": m.Gender, "birth_year": deref(m.BirthYear),
		"education": deref(m.Profile.Education), "occupation": deref(m.Profile.Occupation),
		"region": deref(m.Profile.Region), "income": deref(m.Profile.Income),
		"hobbies": m.Lifestyle.Hobbies, "qualities": m.Preference.Qualities, "goal": deref(m.Preference.Goal),
	}
	want := map[string]any{
		"external_id": "speed-dating/1", "name": "Participant 1", "gender": member.Female, "birth_year": 1982,
		"education": "Law", "occupation": "Lawyer", "region": "Chicago", "income": int64(69487),
		"hobbies":   []string{"movies", "concerts", "sports", "dining out", "television", "music", "exercise", "shopping"},
		"qualities": []string{"sincere", "intelligent", "attractive", "fun", "ambitious", "shared interests"},
		"goal":      "to meet new people",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the first member (-want +got):\n%s", diff)
	}
}

// checkSpeedDatingColumns checks that every column was used or ignored.
func checkSpeedDatingColumns(t *testing.T, report importer.Report) {
	t.Helper()
	var ignored []string
	blank := map[string]int64{}
	for _, c := range report.Columns {
		switch {
		case c.Ignored != "":
			ignored = append(ignored, c.Name)
		case len(c.Fields) == 0 || c.Used+c.Blank != 551 || c.Unconvertible != 0:
			t.Errorf("column %s: got %+v, want 551 values or blanks", c.Name, c)
		}
		blank[c.Name] = c.Blank
	}
	if diff := cmp.Diff([]string{"wave", "date", "go_out"}, ignored); diff != "" {
		t.Errorf("ignored columns (-want +got):\n%s", diff)
	}
	if blank["age"] != 8 || blank["income"] != 270 || blank["career"] != 8 {
		t.Errorf("got blanks %v, want 8 ages, 270 incomes, 8 careers", blank)
	}
	var text strings.Builder
	if err := report.WriteText(&text); err != nil || !strings.Contains(text.String(), "551 rows: 551 created, 0 already present, 0 rejected.") {
		t.Errorf("the report says %v:\n%s", err, text.String())
	}
}

func run(t testing.TB, db *session.DB, o importer.Options) importer.Report {
	t.Helper()
	report, err := importer.Run(context.WithoutCancel(t.Context()), db, o)
	if err != nil {
		t.Fatalf("importing: %v", err)
	}
	return report
}
