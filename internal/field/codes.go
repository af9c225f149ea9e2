package field

// The codes of wrong fields. They are stable. docs/errors.md says what each means
// and what to do.
const (
	CodeRequired      = "required"
	CodeEmpty         = "empty"
	CodeTooShort      = "too_short"
	CodeTooLong       = "too_long"
	CodeTooMany       = "too_many"
	CodeOutOfRange    = "out_of_range"
	CodeNotAChoice    = "not_a_choice"
	CodeWrongType     = "wrong_type"
	CodeMalformed     = "malformed"
	CodeInvalidText   = "invalid_text"
	CodeDuplicate     = "duplicate"
	CodeUnknownField  = "unknown_field"
	CodeUnknownParam  = "unknown_parameter"
	CodeReadOnly      = "read_only"
	CodeNotAllowed    = "not_allowed"
	CodeRangeInverted = "range_inverted"
	CodeMasked        = "masked"
	CodeInvalidPhone  = "invalid_phone"
)
