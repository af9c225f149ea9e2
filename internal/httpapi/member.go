package httpapi

import (
	"fmt"
	"time"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/media"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/privacy"
)

// photoLife is how long the link of a photo is good, at least.
const photoLife = 15 * time.Minute

// Member is a member as the API shows it. A relation that was not asked for is
// left out; one that the member does not have is null.
type Member struct {
	*member.User
	Profile      **member.Profile      `json:"profile,omitzero"`
	Lifestyle    **member.Lifestyle    `json:"lifestyle,omitzero"`
	Preference   **member.Preference   `json:"preference,omitzero"`
	Subscription **member.Subscription `json:"subscription,omitzero"`
	Photos       []Photo               `json:"photos,omitzero"`
	Documents    []Document            `json:"documents,omitzero"`
}

// Photo is a photo with its link.
type Photo struct {
	media.Photo
	URL          string    `json:"url"`
	URLExpiresAt time.Time `json:"url_expires_at"`
}

// Document is a document without its link: what it says is masked.
type Document struct {
	media.Document
	URL *string `json:"url"`
}

// show signs the links of a member, masks what is masked, and leaves out what
// was not asked for. D is not used for anything else after it.
func (a *API) show(d *member.Detail, rel member.Relations, now time.Time) (Member, error) {
	d.Phone = privacy.PhoneOrNone(d.Phone)
	v := Member{User: &d.User}
	if rel&member.WithProfile != 0 {
		v.Profile = &d.Profile
	}
	if rel&member.WithLifestyle != 0 {
		v.Lifestyle = &d.Lifestyle
	}
	if rel&member.WithPreference != 0 {
		v.Preference = &d.Preference
	}
	if rel&member.WithSubscription != 0 {
		v.Subscription = &d.Subscription
	}
	var err error
	if rel&member.WithPhotos != 0 {
		if v.Photos, err = a.showPhotos(d.Photos, now); err != nil {
			return v, err
		}
	}
	if rel&member.WithDocuments != 0 {
		v.Documents = make([]Document, len(d.Documents))
		for i := range d.Documents {
			v.Documents[i].Document = d.Documents[i]
		}
	}
	return v, nil
}

func (a *API) showPhotos(list []media.Photo, now time.Time) ([]Photo, error) {
	shown := make([]Photo, len(list))
	_, until := blob.Lifetime(now, photoLife)
	for i, p := range list {
		url, err := a.blob.Sign(p.Key, blob.SignOptions{Expires: photoLife, ContentType: p.ContentType}, now)
		if err != nil {
			return nil, fmt.Errorf("signing the link of photo %s: %w", p.ID, unclassified{err})
		}
		shown[i] = Photo{Photo: p, URL: url, URLExpiresAt: until.UTC()}
	}
	return shown, nil
}

// unclassified hides a fault of the store: a row with a key that cannot be
// signed is our failure and not the caller's.
type unclassified struct{ err error }

func (u unclassified) Error() string { return u.err.Error() }

// tagOf is the entity tag of a member with these relations: links change with
// their windows, and so does the tag.
func tagOf(version int64, rel member.Relations, now time.Time) string {
	var windows []int64
	if rel&member.WithPhotos != 0 {
		_, until := blob.Lifetime(now, photoLife)
		windows = append(windows, until.Unix())
	}
	return entityTag(version, windows...)
}
