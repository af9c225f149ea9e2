// Package field reads what a struct declares of its fields, once, so that each
// fact about a field stands in one line:
//
//	Height *int `json:"height" doc:"The height in centimetres." example:"168" minimum:"50" maximum:"300"`
//
// From the descriptor of a struct, a [Struct], follow its columns and how they
// are scanned and bound, its JSON in both directions, the parameters of a query
// or a path, the check of every value, merge patches, and what differs between
// two values. Package openapi makes the schema of it.
//
// # Tags
//
//	json, query, path      the name on the wire, and where the value comes from
//	db                     the column; the name on the wire if absent, "-" for none; ",zero" stores 0 for an absent number
//	doc, example           for the documentation
//	format                 date, date-time, uuid, uri-reference, …
//	minimum, maximum       the bounds of a number
//	minLength, maxLength   the bounds of a text, or of each text of a list, in characters; at most [MaxText] if absent
//	minItems, maxItems     the bounds of a list that is not absent; at most [MaxItems] if absent
//	nil                    "null": JSON shows a nil list as null, not as []
//	pattern                a regular expression, for the documentation alone
//	enum                   the choices, with commas between; a type may have a method Choices() []string instead
//	default                the value of an absent parameter or field
//	required               "true": a body that creates must have it, although it may be null later; "false": it may be absent
//	readOnly               "true": no body may have it
//	write                  "update": a body that creates must not have it
//	mask                   what is shown in its place: see package privacy
//	lines                  "true": the text may have several lines
//
// The package has one set of codes and one wording for what is wrong with a
// value: a body, a query parameter, a merge patch and an import return the same
// for the same mistake. docs/errors.md lists them.
//
// Its room: it knows no table, no member and no HTTP. It imports fault, the JSON
// library and golang.org/x/text. Descriptors are made once for each type; they
// and all functions are safe for concurrent use.
package field
