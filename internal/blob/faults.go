package blob

import "github.com/musterhq/muster/internal/fault"

// MaxSize is the maximum size of an object, and of one S3 PUT.
const MaxSize = 5 << 30

// The faults of a store. They name the remedy and never a path; their cause, for
// the log, may.
var (
	ErrNotFound    = fault.New(fault.NotFound, "object_not_found", "No such photo or document.")
	ErrKey         = fault.New(fault.Invalid, "object_key_malformed", "A key must have up to 200 lower-case letters, digits, - and _, in at most 8 parts separated by /, and end in an extension: members/42/photos/7.jpg")
	ErrSize        = fault.New(fault.Invalid, "object_size_mismatch", "The content does not have the declared size, so it was not stored. Send it again, in full.")
	ErrOptions     = fault.New(fault.Invalid, "link_options_invalid", "A link must be valid for 2 seconds to 112 hours, and its content type must have a form such as image/jpeg.")
	ErrFull        = fault.New(fault.Unavailable, "storage_full", "The storage for photos and documents is full, so nothing was stored. Free some space, raise the quota, or move the data to a larger disk.")
	ErrUnavailable = fault.New(fault.Unavailable, "storage_unavailable", "The storage for photos and documents does not respond. Try again in a moment.")
	ErrReadOnly    = fault.New(fault.Unavailable, "storage_read_only", "The storage for photos and documents is not accessible. Let the account that runs Muster read and write it.")
)
