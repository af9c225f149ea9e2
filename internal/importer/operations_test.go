package importer_test

import (
	"context"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/directory"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/importer"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// rejected returns the rows of a rejects file, without its byte order mark.
func rejected(t testing.TB, path string) [][]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	plain, marked := strings.CutPrefix(string(text), "\ufeff")
	rows, err := csv.NewReader(strings.NewReader(plain)).ReadAll()
	if err != nil || !marked {
		t.Fatalf("the rejects (marked: %v) are not CSV: %v", marked, err)
	}
	return rows
}

// one imports a single row whose column x feeds a field with the settings, and
// returns the member, or the field and class of its problem. The ID is unique.
func one(t *testing.T, db *session.DB, id, settings, cell string) (member.Detail, string) {
	t.Helper()
	quoted := `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
	report := run(t, db, importer.Options{
		By:    testkit.Recorder(),
		Map:   parseMap(t, smallMap+"[[field]]\n"+settings),
		File:  write(t, "one.csv", "id,name,sex,x\n\""+id+"\",Kim,f,"+quoted+"\n"),
		Rules: member.Rules{Region: "KR"},
	})
	if report.Rejected == 1 {
		return member.Detail{}, report.Problems[0].Field + " " + report.Problems[0].Class
	}
	for _, m := range list(t, db, directory.Filter{}) {
		if deref(m.ExternalID) == "test/"+id {
			return m, ""
		}
	}
	t.Fatalf("got %+v and no member", report)
	return member.Detail{}, ""
}

func TestConversions(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	born := func(m member.Detail) any { return deref(m.BirthYear) }
	height := func(m member.Detail) any { return deref(deref(m.Profile).Height) }
	income := func(m member.Detail) any { return deref(deref(m.Profile).Income) }
	region := func(m member.Detail) any { return deref(deref(m.Profile).Region) }
	hobbies := func(m member.Detail) any { return strings.Join(deref(m.Lifestyle).Hobbies, "|") }
	phone := func(m member.Detail) any { return deref(m.Phone) }
	created := func(m member.Detail) any { return m.CreatedAt.Format(time.RFC3339Nano) }
	const (
		toBorn    = "to = \"birth_year\"\nfrom = \"x\"\n"
		toAge     = toBorn + "convert = \"age\"\nat = 2003-07-01\n"
		toHeight  = "to = \"profile.height\"\nfrom = \"x\"\n"
		toIncome  = "to = \"profile.income\"\nfrom = \"x\"\n"
		toRegion  = "to = \"profile.region\"\nfrom = \"x\"\n"
		toHobbies = "to = \"lifestyle.hobbies\"\nfrom = \"x\"\n"
		toCreated = "to = \"created_at\"\nfrom = \"x\"\n"
		toPhone   = "to = \"phone\"\nfrom = \"x\"\n"
	)
	for name, c := range map[string]struct {
		settings, cell string
		got            func(member.Detail) any
		want           any
		class          string
	}{
		"a number":                {toBorn, " 1987 ", born, 1987, ""},
		"a blank number":          {toBorn, "  ", born, 0, ""},
		"no number":               {toBorn, "around 1987", nil, nil, "birth_year wrong_type"},
		"an exponent":             {toBorn, "1e3", nil, nil, "birth_year wrong_type"},
		"a sign alone":            {toBorn, "-", nil, nil, "birth_year wrong_type"},
		"an early year":           {toBorn, "1830", nil, nil, "birth_year out_of_range"},
		"a number required":       {toBorn + "required = true\n", "", nil, nil, "birth_year required"},
		"a default":               {toBorn + "default = \"1990\"\n", "", born, 1990, ""},
		"an age":                  {toAge, "21", born, 1982, ""},
		"an age in spring":        {strings.Replace(toAge, "07", "06", 1), "21", born, 1981, ""},
		"a negative age":          {toAge, "-3", nil, nil, "birth_year out_of_range"},
		"half an age":             {toAge, "21.5", nil, nil, "birth_year out_of_range"},
		"a year of a date":        {toBorn + "convert = \"year\"\nlayout = \"DD.MM.YYYY\"\n", "31.12.1987", born, 1987, ""},
		"a day that is none":      {toBorn + "convert = \"year\"\nlayout = \"DD.MM.YYYY\"\n", "31.11.1987", nil, nil, "birth_year wrong_type"},
		"a unit":                  {toHeight + "unit = \"cm\"\n", "172 cm", height, 172, ""},
		"a factor":                {toHeight + "times = 2.54\n", "70", height, 178, ""},
		"a half":                  {toHeight, "172.5", height, 173, ""},
		"a decimal comma":         {toHeight + "decimal = \",\"\n", "172,4", height, 172, ""},
		"too tall":                {toHeight, "3000", nil, nil, "profile.height out_of_range"},
		"separators":              {toIncome + "grouping = \",\"\n", "1,069,487.00", income, int64(1069487), ""},
		"separators not named":    {toIncome, "69,487", nil, nil, "profile.income wrong_type"},
		"separators at the end":   {toIncome + "grouping = \",\"\n", "69,", nil, nil, "profile.income wrong_type"},
		"currency":                {toIncome + "grouping = \".\"\ndecimal = \",\"\nunit = \"€\"\n", "€ 1.234,50", income, int64(1235), ""},
		"ten thousands":           {toIncome + "unit = \"만원\"\ntimes = 10000\n", "5,000만원", nil, nil, "profile.income wrong_type"},
		"ten thousands, grouped":  {toIncome + "unit = \"만원\"\ntimes = 10000\ngrouping = \",\"\n", "5,000만원", income, int64(50_000_000), ""},
		"beyond all numbers":      {toIncome, strings.Repeat("9", 39), nil, nil, "profile.income out_of_range"},
		"too many digits":         {toIncome, strings.Repeat("9", 41), nil, nil, "profile.income wrong_type"},
		"a text":                  {toRegion, " Seoul\t", region, "Seoul", ""},
		"a formula":               {toRegion, "'=1+1", region, "=1+1", ""},
		"a capital":               {toRegion + "case = \"capital\"\n", "élan", region, "Élan", ""},
		"upper case":              {toRegion + "case = \"upper\"\n", "kr", region, "KR", ""},
		"a synonym":               {toRegion + "synonyms = { \"nyc\" = \"New York\" }\n", "  NYC ", region, "New York", ""},
		"no synonym":              {toRegion + "synonyms = { \"nyc\" = \"New York\" }\n", "Boston", region, "Boston", ""},
		"a code":                  {toRegion + "codes = { 11 = \"Seoul\" }\n", "11", region, "Seoul", ""},
		"an unknown code":         {toRegion + "codes = { 11 = \"Seoul\" }\n", "12", nil, nil, "profile.region not_a_choice"},
		"a format":                {toRegion + "format = \"Ward {}\"\n", "7", region, "Ward 7", ""},
		"too long":                {toRegion, strings.Repeat("x", 300), nil, nil, "profile.region too_long"},
		"control characters":      {toRegion, "a\x01b", nil, nil, "profile.region invalid_text"},
		"a list":                  {toHobbies + "split = \";\"\n", "music; chess ;;music", hobbies, "music|chess", ""},
		"a list of codes":         {toHobbies + "split = \"/\"\ncodes = { m = \"music\", c = \"chess\" }\n", "C/m", hobbies, "chess|music", ""},
		"a list of unknown codes": {toHobbies + "split = \"/\"\ncodes = { m = \"music\" }\n", "m/z", nil, nil, "lifestyle.hobbies not_a_choice"},
		"the most of a list":      {toHobbies + "split = \",\"\nmost = 2\n", "a,b,c", hobbies, "a|b", ""},
		"a long entry":            {toHobbies, strings.Repeat("x", 300), nil, nil, "lifestyle.hobbies too_long"},
		"a phone":                 {toPhone, "010-1234-5678", phone, "+821012345678", ""},
		"a guarded phone":         {toPhone, "'+82 10 1234 5679", phone, "+821012345679", ""},
		"an impossible phone":     {toPhone, "12", nil, nil, "phone invalid_phone"},
		"a date":                  {toCreated, "2019-05-06", created, "2019-05-06T00:00:00Z", ""},
		"an instant":              {toCreated, "2019-05-06T10:11:12.123456+09:00", created, "2019-05-06T01:11:12.123456Z", ""},
		"a date to come":          {toCreated, "2190-05-06", nil, nil, "created_at out_of_range"},
		"a constant":              {"to = \"profile.region\"\nvalue = \"Seoul\"\n[ignored]\nx = \"for this test\"\n", "", region, "Seoul", ""},
		"columns that count":      {"to = \"lifestyle.hobbies\"\nwhen = [\"yes\"]\ncolumns = { x = \"music\" }\n", "YES", hobbies, "music", ""},
		"columns that do not":     {"to = \"lifestyle.hobbies\"\nwhen = [\"yes\"]\ncolumns = { x = \"music\" }\n", "no", hobbies, "", ""},
		"a weight that is none":   {"to = \"lifestyle.hobbies\"\nat_least = 7\ncolumns = { x = \"music\" }\n", "much", nil, nil, "lifestyle.hobbies wrong_type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, class := one(t, db, name, c.settings, c.cell)
			if class != c.class {
				t.Fatalf("got %q, want %q", class, c.class)
			}
			if c.got != nil {
				if got := c.got(m); got != c.want {
					t.Errorf("got %#v, want %#v", got, c.want)
				}
			}
		})
	}
}

func TestSeveralColumns(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	run(t, db, importer.Options{
		By: testkit.Recorder(),
		Map: parseMap(t, `
[file]
delimiter = ";"
blank = ["NA"]
[id]
namespace = "test"
from = ["branch", "number"]
[[field]]
to = "name"
from = ["family", "given"]
join = ", "
[[field]]
to = "gender"
value = "other"
[[field]]
to = "lifestyle.pets"
from = ["pet1", "pet2"]
[[field]]
to = "preference.qualities"
at_least = 5
most = 2
columns = { z = "zest", a = "art", m = "mirth" }
`),
		File: write(t, "club.csv", "branch;number;family;given;pet1;pet2;z;a;m\nS;7;Kim;Bada;NA;cat;5;9;5\nS;8;NA;Anna;;;1;;NA\n"),
	})
	members := list(t, db, directory.Filter{})
	first, second := members[0], members[1]
	if deref(first.ExternalID) != "test/S/7" || first.Name != "Kim, Bada" || second.Name != "Anna" {
		t.Errorf("got %q %q and %q", deref(first.ExternalID), first.Name, second.Name)
	}
	if diff := cmp.Diff([]string{"cat"}, first.Lifestyle.Pets); diff != "" {
		t.Errorf("pets (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"art", "zest"}, first.Preference.Qualities); diff != "" {
		t.Errorf("the two weightiest, equal ones in the file's order (-want +got):\n%s", diff)
	}
	if second.Lifestyle != nil || second.Preference != nil {
		t.Errorf("got %v and %v of blank cells, want none", second.Lifestyle, second.Preference)
	}
}

func TestColumnsByName(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	run(t, db, importer.Options{
		By: testkit.Recorder(),
		Map: parseMap(t, `
[file]
by_name = true
[id]
namespace = "test"
from = "name"
[[field]]
to = "profile.region"
from = "profile.employer"
[ignored]
"profile.height" = "for this test"
"profile.region" = "another column feeds it"
`),
		File: write(t, "club.csv", "name,gender,profile.employer,profile.height,profile.region,lifestyle.hobbies\nKim,male,Ulsan,1,Seoul,\"chess; a\\;b\"\n"),
	})
	m := list(t, db, directory.Filter{})[0]
	if m.Name != "Kim" || m.Gender != member.Male || deref(m.Profile.Region) != "Ulsan" || m.Profile.Height != nil || m.Profile.Employer != nil {
		t.Errorf("got %+v with the profile %+v", m.User, m.Profile)
	}
	if diff := cmp.Diff([]string{"chess", "a;b"}, m.Lifestyle.Hobbies); diff != "" {
		t.Errorf("hobbies (-want +got):\n%s", diff)
	}
}

func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, add, code, says string }{
		"an empty file":        {"", "", "bad_header", "is empty"},
		"a column too many":    {"id,name,sex,wave,x\n", "", "bad_map", `does not mention the column "wave", "x"`},
		"a column too few":     {"id,name\n", "", "bad_header", `no column "sex".`},
		"an ignored one":       {"id,name,sex\n", "[ignored]\nwave = \"why\"\n", "bad_header", `no column "wave"`},
		"used and ignored":     {"id,name,sex\n", "[ignored]\nsex = \"why\"\n", "bad_map", `both uses and ignores "sex"`},
		"a column twice":       {"id,name,sex,sex\n", "", "bad_header", `Two columns of the file have the name "sex"`},
		"another delimiter":    {"id;name;sex\n", "", "bad_header", `check whether its delimiter is ","`},
		"a header that breaks": {"id,\"name,sex\n1,2,3\n", "", "bad_header", "cannot be read"},
		"another encoding":     {"id,name,sex\n1,\xb1\xe8,f\n2,\xb1\xe8,f\n", "", "wrong_encoding", "not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := importer.Run(t.Context(), testkit.Open(t), importer.Options{
				By:  testkit.Recorder(),
				Map: parseMap(t, smallMap+c.add), File: write(t, "club.csv", c.text),
			})
			f := fault.As(err)
			if f == nil || f.Code != c.code || !strings.Contains(f.Message, c.says) {
				t.Errorf("got %v, want %s saying %q", err, c.code, c.says)
			}
		})
	}
	noName := "[id]\nnamespace = \"test\"\nfrom = \"id\"\n"
	_, err := importer.Run(t.Context(), testkit.Open(t), importer.Options{By: testkit.Recorder(), Map: parseMap(t, noName), File: write(t, "club.csv", "id\n1\n")})
	if err == nil || !strings.Contains(err.Error(), `does not feed the field "name", "gender"`) {
		t.Errorf("got %v, want the names of the fields that every member has", err)
	}
}

func TestHeaderInTheMap(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"without": "1,Kim,f\n", "with": "id,name,sex\n1,Kim,f\n"} {
		report := run(t, testkit.Open(t), importer.Options{
			By:   testkit.Recorder(),
			Map:  parseMap(t, "[file]\nheader = [\"id\", \"name\", \"sex\"]\n"+smallMap),
			File: write(t, "club.csv", text),
		})
		if report.Rows != 1 || report.Created != 1 {
			t.Errorf("%s a header: got %+v, want one member", name, report)
		}
	}
}

const phoneMap = smallMap + `
[[field]]
to = "phone"
from = "phone"
[[field]]
to = "birth_year"
from = "born"
`

// troubled has a row for each way in which a row fails.
const troubled = "id,name,sex,phone,born\n" +
	"1,Kim,f,010-1111-1111,1990\n" +
	"2,Lee,x,010-2222-2222,nineteen\n" + // two problems
	"3,Park,f,010-1111-1111,1990\n" + // the phone of the first
	"4,Choi,f,010-9999-9999,1990\n" + // the phone of a member
	",Jung,f,,1990\n" +
	"6,Kang,f,12,1990\n" +
	"7,\"Cho\nSecret\",f,,1990\n" + // control characters, on two lines
	"8,Yoon,f\n" +
	"9,\"Jang,f,,1990\n" + // an open quote
	"10,Lim\xff,f,,1990\n" +
	"11,\"=Han\",m,,1990\n" +
	"1,Again,f,,1990\n" // the id of the first

func setupTroubled(t *testing.T) (*session.DB, importer.Options) {
	t.Helper()
	db := testkit.Open(t)
	rules := member.Rules{Region: "KR"}
	err := db.Write(t.Context(), func(w *session.Write) error {
		phone, born := "+821099999999", 1980
		n := member.Detail{User: member.User{Phone: &phone, Name: "There", Gender: member.Male, BirthYear: &born}}
		if err := rules.Check(&n, time.Now()); err != nil {
			return err
		}
		member.Create(w, testkit.Recorder(), rules, n, time.Now())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return db, importer.Options{
		By:  testkit.Recorder(),
		Map: parseMap(t, phoneMap), File: write(t, "troubled.csv", troubled), Rules: rules,
		Rejects: filepath.Join(t.TempDir(), "rejects.csv"),
	}
}

func TestRejects(t *testing.T) {
	t.Parallel()
	db, options := setupTroubled(t)
	report := run(t, db, options)
	if report.Rows != 12 || report.Created != 2 || report.Present != 1 || report.Rejected != 9 || report.Rejects != options.Rejects {
		t.Errorf("got %+v, want 2 created, 1 present and 9 rejected of 12 rows", report)
	}
	rows := rejected(t, options.Rejects)
	var got [][]string
	for _, row := range rows {
		got = append(got, []string{row[5], row[6], row[7]})
	}
	want := [][]string{
		{"muster_line", "muster_field", "muster_class"},
		{"3", "gender; birth_year", "not_a_choice; wrong_type"},
		{"4", "phone", "phone_taken"},
		{"5", "phone", "phone_taken"},
		{"6", "external_id", "required"},
		{"7", "phone", "invalid_phone"},
		{"8", "name", "invalid_text"},
		{"10", "", "wrong_number_of_cells"},
		{"11", "", "open_quote"},
		{"12", "", "bad_encoding"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rejects (-want +got):\n%s", diff)
	}
	for _, row := range rows[1:] {
		for _, personal := range []string{"Secret", "1111", "nineteen", "Lee"} {
			if strings.Contains(row[8], personal) || row[8] == "" {
				t.Errorf("the remedy %q is empty or repeats what the row holds", row[8])
			}
		}
	}
	info, err := os.Stat(options.Rejects)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v, want 0600", info.Mode(), err)
	}
	for _, m := range list(t, db, directory.Filter{}) {
		if m.Name == "=Han" {
			return
		}
	}
	t.Error("the member named =Han is missing")
}

func TestMendedRejectsGoIn(t *testing.T) {
	t.Parallel()
	db, options := setupTroubled(t)
	run(t, db, options)
	text, err := os.ReadFile(options.Rejects)
	if err != nil {
		t.Fatal(err)
	}
	mended := strings.NewReplacer("2,Lee,x,010-2222-2222,nineteen", "2,Lee,m,010-2222-2222,1919").Replace(string(text))
	options.File, options.Rejects = write(t, "mended.csv", mended), filepath.Join(t.TempDir(), "again.csv")
	report := run(t, db, options)
	if report.Rows != 9 || report.Created != 1 || report.Rejected != 8 {
		t.Errorf("got %+v, want 1 created and 8 rejected of 9", report)
	}
	if header := rejected(t, options.Rejects)[0]; len(header) != 9 {
		t.Errorf("the second rejects have the columns %q, want them appended once", header)
	}
}

func TestRejectsAreNotWrittenOver(t *testing.T) {
	t.Parallel()
	db, options := setupTroubled(t)
	options.Rejects = write(t, "precious.csv", "work")
	_, err := importer.Run(t.Context(), db, options)
	if f := fault.As(err); f == nil || f.Code != "rejects_exist" {
		t.Errorf("got %v, want rejects_exist", err)
	}
	if text, _ := os.ReadFile(options.Rejects); string(text) != "work" {
		t.Errorf("the file holds %q now", text)
	}
	if n := len(list(t, db, directory.Filter{})); n != 1 {
		t.Errorf("got %d members, want nothing imported", n)
	}
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	db, options := setupTroubled(t)
	options.DryRun = true
	dry := run(t, db, options)
	if n := len(list(t, db, directory.Filter{})); n != 1 {
		t.Fatalf("got %d members, want nothing imported", n)
	}
	options.DryRun, options.Rejects = false, filepath.Join(t.TempDir(), "rejects.csv")
	real := run(t, db, options)
	if dry.Created != real.Created || dry.Present != real.Present || dry.Rejected != real.Rejected {
		t.Errorf("predicted %+v, got %+v", dry, real)
	}
	if diff := cmp.Diff(dry.Columns, real.Columns); diff != "" {
		t.Errorf("columns (-predicted +real):\n%s", diff)
	}
}

// TestInterrupted interrupts an import after each batch until it ends, and compares
// store, report and rejects with those of an import that was not interrupted.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("id,name,sex\n")
	for i := range 3400 {
		sex := "f"
		if i%100 == 7 {
			sex = "unknown"
		}
		text.WriteString(strings.Join([]string{time.Duration(i).String(), "Member", sex}, ",") + "\n")
	}
	options := importer.Options{By: testkit.Recorder(), Map: parseMap(t, smallMap), File: write(t, "club.csv", text.String())}

	options.Rejects = filepath.Join(t.TempDir(), "alone.csv")
	want := run(t, testkit.Open(t), options)
	wantRejects := rejected(t, options.Rejects)

	db := testkit.Open(t)
	options.Rejects = filepath.Join(t.TempDir(), "rejects.csv")
	got, runs := interrupted(t, db, options)
	if runs < 3 {
		t.Errorf("the import ended after %d runs, want several", runs)
	}
	if got.Resumed == 0 || got.Created != want.Created || got.Rejected != 34 || got.Rows != want.Rows || !got.Complete {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if diff := cmp.Diff(want.Columns, got.Columns); diff != "" {
		t.Errorf("columns (-whole +interrupted):\n%s", diff)
	}
	if diff := cmp.Diff(want.Problems, got.Problems); diff != "" {
		t.Errorf("problems (-whole +interrupted):\n%s", diff)
	}
	if diff := cmp.Diff(wantRejects, rejected(t, options.Rejects)); diff != "" {
		t.Errorf("rejects (-whole +interrupted):\n%s", diff)
	}
	if n := len(list(t, db, directory.Filter{})); int64(n) != want.Created {
		t.Errorf("got %d members, want %d", n, want.Created)
	}
}

func interrupted(t *testing.T, db *session.DB, options importer.Options) (importer.Report, int) {
	t.Helper()
	var created int64
	for runs := 1; runs <= 10; runs++ {
		ctx, stop := context.WithCancel(t.Context())
		options.Progress = func(p importer.Progress) {
			if p.Created > created {
				created = p.Created
				stop()
			}
		}
		report, err := importer.Run(ctx, db, options)
		stop()
		if err == nil {
			return report, runs
		}
		if !errors.Is(err, importer.ErrInterrupted) || report.Complete {
			t.Fatalf("got %v and %+v, want ErrInterrupted", err, report)
		}
		// A killed run may leave rejects of a batch that was not committed.
		file, err := os.OpenFile(options.Rejects, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString("lost,Member,unknown,99999,gender,not_a_choice,x\n"); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the import does not end")
	return importer.Report{}, 0
}

// TestOneBadRow has the store refuse rows that pass the rules.
func TestOneBadRow(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	err := db.Write(t.Context(), func(w *session.Write) error {
		born := 1980
		member.Create(w, testkit.Recorder(), member.Rules{}, member.Detail{User: member.User{Name: "Refused", Gender: member.Other, BirthYear: &born, Status: member.Pending}}, time.Now())
		w.Add(query.Exec("create unique index one_is_enough on users (name) where name = 'Refused'"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString("id,name,sex\n")
	for i := range 100 {
		name := "Member"
		if i == 41 || i == 42 || i == 99 {
			name = "Refused"
		}
		text.WriteString(time.Duration(i).String() + "," + name + ",f\n")
	}
	options := importer.Options{
		By:  testkit.Recorder(),
		Map: parseMap(t, smallMap), File: write(t, "club.csv", text.String()),
		Rejects: filepath.Join(t.TempDir(), "rejects.csv"),
	}
	report := run(t, db, options)
	if report.Created != 97 || report.Rejected != 3 {
		t.Errorf("got %+v, want 97 created and 3 rejected", report)
	}
	var lines []string
	for _, row := range rejected(t, options.Rejects)[1:] {
		lines = append(lines, row[3]+" "+row[5])
	}
	if diff := cmp.Diff([]string{"43 refused", "44 refused", "101 refused"}, lines); diff != "" {
		t.Errorf("rejects (-want +got):\n%s", diff)
	}
}

// TestOthersWrite has another writer write all the time.
func TestOthersWrite(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	var others sync.WaitGroup
	written := 0
	others.Go(func() {
		for ctx.Err() == nil {
			err := db.Write(t.Context(), func(w *session.Write) error {
				born, now := 1980, time.Now()
				member.Create(w, testkit.Recorder(), member.Rules{}, member.Detail{User: member.User{Name: "Other", Gender: member.Other, BirthYear: &born, Status: member.Pending}}, now)
				return nil
			})
			if err != nil {
				t.Errorf("the other writer: %v", err)
				return
			}
			written++
		}
	})
	report := run(t, db, importer.Options{By: testkit.Recorder(), Map: parseMap(t, plainMap), File: writeClub(t, 9000), Rules: member.Rules{Region: "KR"}})
	cancel()
	others.Wait()
	if report.Created != 9000 || written < 4 {
		t.Errorf("got %d created and %d members by the other, want all and at least one between batches", report.Created, written)
	}
}

// TestMemoryIsConstant measures the heap while a file is read.
func TestMemoryIsConstant(t *testing.T) { //nolint:paralleltest // it measures the whole process
	const rows = 80_000
	db := testkit.Open(t)
	path := writeClub(t, rows)
	var early, late uint64
	run(t, db, importer.Options{
		By:  testkit.Recorder(),
		Map: parseMap(t, plainMap), File: path, DryRun: true, Rules: member.Rules{Region: "KR"},
		Progress: func(p importer.Progress) {
			if p.Examining {
				return
			}
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			if p.Rows < rows/2 {
				early = max(early, m.HeapAlloc)
			} else {
				late = max(late, m.HeapAlloc)
			}
		},
	})
	// On a slow machine the batches still grow in the second half; keeping the rows
	// would take 40 MB more.
	if early == 0 || late == 0 || late > early+16<<20 {
		t.Errorf("the heap grew from %d to %d bytes", early, late)
	}
}
