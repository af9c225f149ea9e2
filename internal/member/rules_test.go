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
		change func(n *member.New)
		fields string
	}{
		"whole":                    {korea, func(*member.New) {}, ""},
		"nothing":                  {korea, func(n *member.New) { *n = member.New{} }, "phone required, name required, gender required, birth_year required"},
		"nothing, imported":        {imported, func(n *member.New) { *n = member.New{} }, "name required, gender required"},
		"no phone":                 {korea, func(n *member.New) { n.Phone = nil }, "phone required"},
		"empty phone":              {korea, func(n *member.New) { n.Phone = new(" ") }, "phone required"},
		"impossible phone":         {korea, func(n *member.New) { n.Phone = new("010-1234") }, "phone invalid"},
		"letters":                  {korea, func(n *member.New) { n.Phone = new("call me") }, "phone invalid"},
		"extension":                {korea, func(n *member.New) { n.Phone = new("02-312-3456 ext. 5") }, "phone invalid"},
		"long phone":               {korea, func(n *member.New) { n.Phone = new(strings.Repeat("1", 5000)) }, "phone invalid"},
		"phone of NUL":             {korea, func(n *member.New) { n.Phone = new("010-1234-5678\x00") }, "phone invalid"},
		"unused phone":             {korea, func(n *member.New) { n.Phone = new("+1 555 555 0123") }, "phone invalid"},
		"unused phone, imported":   {imported, func(n *member.New) { n.Phone = new("+1 555 555 0123") }, ""},
		"local without a region":   {member.Rules{}, func(*member.New) {}, "phone invalid"},
		"international without":    {member.Rules{}, func(n *member.New) { n.Phone = new("+82 10-1234-5678") }, ""},
		"long name":                {korea, func(n *member.New) { n.Name = strings.Repeat("가", 101) }, "name too_long"},
		"longest name":             {korea, func(n *member.New) { n.Name = strings.Repeat("가", 100) }, ""},
		"name of spaces":           {korea, func(n *member.New) { n.Name = " \t " }, "name required"},
		"name with a line":         {korea, func(n *member.New) { n.Name = "a\nb" }, "name invalid"},
		"name of bad UTF-8":        {korea, func(n *member.New) { n.Name = "a\xffb" }, "name invalid"},
		"gender":                   {korea, func(n *member.New) { n.Gender = "MALE" }, "gender invalid"},
		"too young":                {korea, func(n *member.New) { n.BirthYear = new(2009) }, "birth_year out_of_range"},
		"just old enough":          {korea, func(n *member.New) { n.BirthYear = new(2008) }, ""},
		"too old":                  {korea, func(n *member.New) { n.BirthYear = new(1899) }, "birth_year out_of_range"},
		"unknown status":           {imported, func(n *member.New) { n.Status = "x" }, "status invalid"},
		"approved at once":         {korea, func(n *member.New) { n.Status = member.Approved }, "status not_allowed"},
		"approved, imported":       {imported, func(n *member.New) { n.Status = member.Approved }, ""},
		"height":                   {korea, func(n *member.New) { n.Profile.Height = new(1810) }, "profile.height out_of_range"},
		"negative income":          {korea, func(n *member.New) { n.Profile.Income = new(int64(-1)) }, "profile.income out_of_range"},
		"lines in a region":        {korea, func(n *member.New) { n.Profile.Region = new("a\nb") }, "profile.region invalid"},
		"ages turned round":        {korea, func(n *member.New) { n.Preference.AgeMax = new(20) }, "preference.age_min out_of_range"},
		"gender sought":            {korea, func(n *member.New) { n.Preference.Genders = []string{"male", "x", "y"} }, "preference.genders invalid"},
		"subscription":             {korea, func(n *member.New) { *n.Subscription = member.Subscription{Status: "x"} }, "subscription.plan required, subscription.status invalid"},
		"expires before it begins": {korea, func(n *member.New) { n.Subscription.ExpiresAt = new(now.Add(-2 * time.Hour)) }, "subscription.expires_at out_of_range"},
		"created later":            {imported, func(n *member.New) { n.CreatedAt = new(now.Add(time.Second)) }, "created_at out_of_range"},
		"created before computers": {imported, func(n *member.New) { n.CreatedAt = new(time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC)) }, "created_at out_of_range"},
		"external id":              {imported, func(n *member.New) { n.ExternalID = new("") }, "external_id invalid"},
	} {
		n := whole()
		c.change(&n)
		var got []string
		err := n.Check(c.rules, now)
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
	if err := n.Check(korea, now); err != nil {
		t.Fatal(err)
	}
	if *n.Profile.Region != "Busan" || *pointer.Region != " Busan " || *profile.Region != " Busan " {
		t.Error("Check changed what the caller holds")
	}
}

func TestParseInclude(t *testing.T) {
	t.Parallel()
	if rel, err := member.ParseInclude([]string{"photos", "profile"}); err != nil || rel != member.WithPhotos|member.WithProfile {
		t.Errorf("include: got %b, %v", rel, err)
	}
	if _, err := member.ParseInclude([]string{"photos", "secrets"}); fault.As(err) == nil {
		t.Error("an unknown relation was taken")
	}
}
