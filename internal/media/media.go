package media

import (
	"time"

	"github.com/musterhq/muster/internal/ids"
)

// Photo is a picture that a member shows.
type Photo struct {
	ID           ids.Photo  `json:"id"`
	MemberID     ids.Member `json:"-"`
	Key          string     `json:"-"` // of the object in the store
	DisplayOrder int        `json:"display_order"`
	Status       Status     `json:"status"`
	ContentType  string     `json:"content_type"`
	Bytes        int64      `json:"bytes"`
	Width        int        `json:"width"`
	Height       int        `json:"height"`
	SHA256       string     `json:"sha256"` // 64 hexadecimal digits, in lower case
	CreatedAt    time.Time  `json:"created_at"`
}

// Document is a paper that proves something about a member.
type Document struct {
	ID          ids.Document `json:"id"`
	MemberID    ids.Member   `json:"-"`
	Key         string       `json:"-"`    // of the object in the store
	Kind        string       `json:"kind"` // "identity", "income", …
	Status      Status       `json:"status"`
	ContentType string       `json:"content_type"`
	Bytes       int64        `json:"bytes"`
	SHA256      string       `json:"sha256"` // 64 hexadecimal digits, in lower case
	Reviewer    *string      `json:"reviewer"`
	Reason      *string      `json:"reason"`
	ExpiresAt   *time.Time   `json:"expires_at"`
	CreatedAt   time.Time    `json:"created_at"`
}

// Status says how far the review of a photo or document has come.
type Status string

// The states of a photo or document.
const (
	Pending  Status = "pending"
	Approved Status = "approved"
	Rejected Status = "rejected"
)

// The most of each that are shown for one member.
const (
	MaxPhotos    = 50
	MaxDocuments = 50
)
