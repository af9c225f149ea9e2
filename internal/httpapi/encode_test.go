package httpapi

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/directory"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/internal/member"
)

// TestEncodingByHandIsTheLibrarys holds what is written by hand to the types:
// a field that is added to one and not to the other fails here.
func TestEncodingByHandIsTheLibrarys(t *testing.T) {
	t.Parallel()
	moments := rapid.Custom(func(t *rapid.T) time.Time {
		unit := rapid.SampledFrom([]int64{1, 1000, 1_000_000}).Draw(t, "unit")
		return time.UnixMicro(rapid.Int64Range(-6e16, 2.5e17).Draw(t, "microseconds") / unit * unit).UTC()
	})
	members := rapid.Custom(func(t *rapid.T) Member {
		m := Member{User: &member.User{
			ID:         ids.New[ids.Member](moments.Draw(t, "created")),
			ExternalID: rapid.Ptr(rapid.String(), true).Draw(t, "external id"),
			Phone:      rapid.Ptr(rapid.String(), true).Draw(t, "phone"),
			Name:       rapid.String().Draw(t, "name"),
			Gender:     member.Gender(rapid.String().Draw(t, "gender")),
			BirthYear:  rapid.Ptr(rapid.Int(), true).Draw(t, "birth year"),
			Status:     member.Status(rapid.String().Draw(t, "status")),
			CreatedAt:  moments.Draw(t, "created at"),
			UpdatedAt:  moments.Draw(t, "updated at"),
			DeletedAt:  rapid.Ptr(moments, true).Draw(t, "deleted at"),
			Version:    rapid.Int64().Draw(t, "version"),
		}}
		var none *member.Lifestyle
		flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
		if flag("profile") {
			m.Profile = new(&member.Profile{Region: &m.Name, Height: m.BirthYear, Income: &m.Version})
		}
		if flag("lifestyle") {
			m.Lifestyle = &none
		}
		if flag("preference") {
			m.Preference = new(&member.Preference{Regions: []string{m.Name}, Genders: []string{"a", "b"}, Goal: m.Phone})
		}
		if flag("subscription") {
			m.Subscription = new(&member.Subscription{Plan: m.Name, StartedAt: m.CreatedAt, ExpiresAt: m.DeletedAt})
		}
		if flag("photos") {
			m.Photos = []Photo{
				{Photo: media.Photo{ID: ids.New[ids.Photo](m.CreatedAt), Bytes: m.Version, SHA256: m.Name, CreatedAt: m.CreatedAt}, URL: "https://example.org/?a=1&b=<2>"},
				{Photo: media.Photo{Width: 3, Height: 4, DisplayOrder: -1, Status: media.Pending, ContentType: m.Name}, URLExpiresAt: m.UpdatedAt},
			}
		}
		if flag("documents") {
			m.Documents = rapid.SampledFrom([][]Document{{}, {
				{Document: media.Document{Kind: m.Name, Status: media.Approved, Reviewer: m.Phone, ExpiresAt: m.DeletedAt}},
				{Document: media.Document{Reason: m.ExternalID, Bytes: m.Version, CreatedAt: m.CreatedAt}, URL: m.Phone},
			}}).Draw(t, "which documents")
		}
		return m
	})
	rapid.Check(t, func(t *rapid.T) {
		page := MemberPage{
			Items:      rapid.SliceOfN(members, 0, 3).Draw(t, "items"),
			NextCursor: rapid.Ptr(rapid.String(), true).Draw(t, "cursor"),
			Total:      directory.Total{Count: rapid.Int64().Draw(t, "count"), Exact: rapid.Bool().Draw(t, "exact")},
		}
		answers := []any{page}
		for _, m := range page.Items {
			answers = append(answers, m)
		}
		for _, v := range answers {
			want, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			got, err := encode(v)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Fatalf("(-library +by hand):\n%s", diff)
			}
		}
	})
}
