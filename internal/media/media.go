package media

import (
	"time"

	"github.com/musterhq/muster/internal/ids"
)

// Photo is a photo of a member.
type Photo struct {
	ID           ids.Photo `json:"id" doc:"The ID. IDs sort by time of creation." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	Key          string    `json:"-" db:"s3_key"` // of the object in the store
	DisplayOrder int       `json:"display_order" doc:"The position among the photos." example:"0" readOnly:"true"`
	Status       Status    `json:"status" doc:"The state of the review." example:"approved" readOnly:"true"`
	ContentType  string    `json:"content_type" doc:"The media type of the content." example:"image/jpeg" readOnly:"true"`
	Bytes        int64     `json:"bytes" doc:"The size in bytes." example:"183204" readOnly:"true"`
	Width        int       `json:"width" doc:"The width in pixels." example:"1200" readOnly:"true"`
	Height       int       `json:"height" doc:"The height in pixels." example:"1600" readOnly:"true"`
	SHA256       string    `json:"sha256" doc:"The SHA-256 of the content, in hexadecimal." example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" readOnly:"true"`
	CreatedAt    time.Time `json:"created_at" doc:"The time of creation." example:"2026-01-31T09:00:00.123456Z" readOnly:"true"`

	// Set by the code that writes a response. A row has no link.
	URL          string    `json:"url" db:"-" doc:"The signed link. Anyone who has it can fetch the photo until url_expires_at." example:"http://127.0.0.1:8080/media/…" format:"uri-reference" readOnly:"true"`
	URLExpiresAt time.Time `json:"url_expires_at" db:"-" doc:"The time at which the link expires." example:"2026-01-31T09:00:00.123456Z" readOnly:"true"`
}

// Document is a document that proves something about a member.
type Document struct {
	ID          ids.Document `json:"id" doc:"The ID. IDs sort by time of creation." example:"0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47" format:"uuid" readOnly:"true"`
	Key         string       `json:"-" db:"s3_key"` // of the object in the store
	Kind        string       `json:"kind" doc:"What the document proves." example:"identity" readOnly:"true"`
	Status      Status       `json:"status" doc:"The state of the review." example:"approved" readOnly:"true"`
	ContentType string       `json:"content_type" doc:"The media type of the content." example:"image/jpeg" readOnly:"true"`
	Bytes       int64        `json:"bytes" doc:"The size in bytes." example:"183204" readOnly:"true"`
	SHA256      string       `json:"sha256" doc:"The SHA-256 of the content, in hexadecimal." example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" readOnly:"true"`
	Reviewer    *string      `json:"reviewer" doc:"The operator who reviewed the document." readOnly:"true"`
	Reason      *string      `json:"reason" doc:"The reason for the decision." readOnly:"true"`
	ExpiresAt   *time.Time   `json:"expires_at" doc:"The time from which the document proves nothing." readOnly:"true"`
	CreatedAt   time.Time    `json:"created_at" doc:"The time of creation." example:"2026-01-31T09:00:00.123456Z" readOnly:"true"`

	URL *string `json:"url" db:"-" mask:"link" doc:"Masked: always null. To get a link, call reveal with a reason." readOnly:"true"`
}

// Status is the state of the review of a photo or a document.
type Status string

// The states of a photo or document.
const (
	Pending  Status = "pending"
	Approved Status = "approved"
	Rejected Status = "rejected"
)

// Choices lists the states.
func (Status) Choices() []string {
	return []string{string(Pending), string(Approved), string(Rejected)}
}

// MaxForMember bounds the photos, and the documents, that are loaded with a member.
const MaxForMember = 50
