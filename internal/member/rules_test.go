package member_test

import (
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/member"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	imported := korea
	imported.Imported = true
	for name, c := range map[string]struct {
		rules  member.Rules
		change func(n *member.Detail)
		fields string
	}{
		"whole":                    {korea, func(*member.Detail) {}, ""},
		"nothing":                  {korea, func(n *member.Detail) { *n = member.Detail{} }, "name required, gender required, phone required, birth_year required"},
		"nothing, imported":        {imported, func(n *member.Detail) { *n = member.Detail{} }, "name required, gender required"},
		"no phone":                 {korea, func(n *member.Detail) { n.Phone = nil }, "phone required"},
		"empty phone":              {korea, func(n *member.Detail) { n.Phone = new(" ") }, "phone required"},
		"impossible phone":         {korea, func(n *member.Detail) { n.Phone = new("010-1234") }, "phone invalid_phone"},
		"letters":                  {korea, func(n *member.Detail) { n.Phone = new("call me") }, "phone invalid_phone"},
		"extension":                {korea, func(n *member.Detail) { n.Phone = new("02-312-3456 ext. 5") }, "phone invalid_phone"},
		"long phone":               {korea, func(n *member.Detail) { n.Phone = new(strings.Repeat("1", 5000)) }, "phone too_long"},
		"phone of NUL":             {korea, func(n *member.Detail) { n.Phone = new("010-1234-5678\x00") }, "phone invalid_text"},
		"unused phone":             {korea, func(n *member.Detail) { n.Phone = new("+1 555 555 0123") }, "phone invalid_phone"},
		"unused phone, imported":   {imported, func(n *member.Detail) { n.Phone = new("+1 555 555 0123") }, ""},
		"local without a region":   {member.Rules{}, func(*member.Detail) {}, "phone invalid_phone"},
		"international without":    {member.Rules{}, func(n *member.Detail) { n.Phone = new("+82 10-1234-5678") }, ""},
		"long name":                {korea, func(n *member.Detail) { n.Name = strings.Repeat("가", 101) }, "name too_long"},
		"longest name":             {korea, func(n *member.Detail) { n.Name = strings.Repeat("가", 100) }, ""},
		"name of spaces":           {korea, func(n *member.Detail) { n.Name = " \t " }, "name required"},
		"name with a line":         {korea, func(n *member.Detail) { n.Name = "a\nb" }, "name invalid_text"},
		"name of bad UTF-8":        {korea, func(n *member.Detail) { n.Name = "a\xffb" }, "name invalid_text"},
		"gender":                   {korea, func(n *member.Detail) { n.Gender = "MALE" }, "gender not_a_choice"},
		"too young":                {korea, func(n *member.Detail) { n.BirthYear = new(2009) }, "birth_year out_of_range"},
		"just old enough":          {korea, func(n *member.Detail) { n.BirthYear = new(2008) }, ""},
		"too old":                  {korea, func(n *member.Detail) { n.BirthYear = new(1899) }, "birth_year out_of_range"},
		"unknown status":           {imported, func(n *member.Detail) { n.Status = "x" }, "status not_a_choice"},
		"approved at once":         {korea, func(n *member.Detail) { n.Status = member.Approved }, "status not_allowed"},
		"approved, imported":       {imported, func(n *member.Detail) { n.Status = member.Approved }, ""},
		"height":                   {korea, func(n *member.Detail) { n.Profile.Height = new(1810) }, "profile.height out_of_range"},
		"negative income":          {korea, func(n *member.Detail) { n.Profile.Income = new(int64(-1)) }, "profile.income out_of_range"},
		"lines in a region":        {korea, func(n *member.Detail) { n.Profile.Region = new("a\nb") }, "profile.region invalid_text"},
		"inverted ages":            {korea, func(n *member.Detail) { n.Preference.AgeMax = new(20) }, "preference.age_max range_inverted"},
		"gender sought":            {korea, func(n *member.Detail) { n.Preference.Genders = []string{"male", "x", "y"} }, "preference.genders.1 not_a_choice, preference.genders.2 not_a_choice"},
		"subscription":             {korea, func(n *member.Detail) { *n.Subscription = member.Subscription{Status: "x"} }, "subscription.plan required, subscription.status not_a_choice"},
		"expires before it begins": {korea, func(n *member.Detail) { n.Subscription.ExpiresAt = new(now.Add(-2 * time.Hour)) }, "subscription.expires_at range_inverted"},
		"created later":            {imported, func(n *member.Detail) { n.CreatedAt = now.Add(time.Second) }, "created_at out_of_range"},
		"created before computers": {imported, func(n *member.Detail) { n.CreatedAt = time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC) }, "created_at out_of_range"},
		"external id":              {imported, func(n *member.Detail) { n.ExternalID = new("") }, "external_id empty"},
	} {
		n := whole()
		c.change(&n)
		var got []string
		err := c.rules.Check(&n, now)
		if f := fault.As(err); f != nil {
			for _, field := range f.Fields {
				got = append(got, field.Name+" "+field.Code)
			}
		} else if err != nil {
			t.Errorf("%s: %v is no fault", name, err)
		}
		if strings.Join(got, ", ") != c.fields {
			t.Errorf("%s: got %q, want %q", name, strings.Join(got, ", "), c.fields)
		}
	}
}

func TestCheckLeavesTheCallersValues(t *testing.T) {
	t.Parallel()
	n := whole()
	n.Profile.Region = new(" Busan ")
	profile := *n.Profile
	pointer := n.Profile
	if err := korea.Check(&n, now); err != nil {
		t.Fatal(err)
	}
	if *n.Profile.Region != "Busan" || *pointer.Region != " Busan " || *profile.Region != " Busan " {
		t.Error("Check changed what the caller holds")
	}
}

// TestDecode decodes what Check cannot see: a subscription that starts now.
func TestDecode(t *testing.T) {
	t.Parallel()
	body := func(rest string) []byte {
		return []byte(`{"name":"Kim","gender":"male","phone":"010-1234-5678","birth_year":1990,` + rest + "}")
	}
	d, err := korea.Decode(body(`"subscription":{"plan":"gold"}`), now)
	if err != nil || d.Status != member.Pending || d.Subscription.Status != member.SubscriptionActive || d.Subscription.StartedAt != now {
		t.Errorf("got %+v, %v", d, err)
	}
	for rest, want := range map[string]string{
		`"subscription":{"plan":"gold","expires_at":"2020-01-01T00:00:00Z"}`: "subscription.expires_at range_inverted",
		`"subscription":{"status":"active"}`:                                 "subscription.plan required",
		`"subscription":{"plan":"gold","status":null}`:                       "subscription.status wrong_type",
		`"status":"pending"`:                                                 "status not_allowed",
	} {
		_, err := korea.Decode(body(rest), now)
		if f := fault.As(err); f == nil || len(f.Fields) != 1 || f.Fields[0].Name+" "+f.Fields[0].Code != want {
			t.Errorf("%s: got %v, want %s", rest, err, want)
		}
	}
}

func TestInclude(t *testing.T) {
	t.Parallel()
	if rel := member.Include([]member.RelationName{"photos", "profile"}); rel != member.WithPhotos|member.WithProfile {
		t.Errorf("got %b", rel)
	}
	if member.With("secrets") != 0 || member.With(member.RelationNames()...) != member.WithAll {
		t.Error("the relations are not those of the list")
	}
}
