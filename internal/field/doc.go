// Package field reads the tags of a struct, once, so that one line declares every
// fact about a field:
//
//	Height *int `json:"height" doc:"The height in centimetres." example:"168" minimum:"50" maximum:"300"`
//
// The descriptor of a struct, a [Struct], has its columns, scans rows and binds
// arguments, encodes and decodes JSON, parses the parameters of a query or a path,
// checks values, applies merge patches, and compares two values. Package openapi
// derives the schema from it.
//
// # Tags
//
//	json, query, path      the name on the wire, and the part of the request that has the value
//	db                     the column; without the tag, the name on the wire; "-" for none; ",zero" stores an absent number as 0
//	doc, example           for the documentation
//	format                 date, date-time, uuid, uri-reference, …
//	minimum, maximum       the bounds of a number
//	minLength, maxLength   the bounds of a text, or of each text of a list, in characters; without the tag, at most [MaxText]
//	minItems, maxItems     the bounds of a list that is not absent; without the tag, at most [MaxItems]
//	nil                    "null": JSON shows a nil list as null, not as []
//	pattern                a regular expression, for the documentation alone
//	enum                   the choices, separated by commas; a type may have a method Choices() []string instead
//	default                the value of an absent parameter or field
//	required               "true": a body that creates must have it, even if a patch may set it to null; "false": it may be absent
//	readOnly               "true": no body may have it
//	write                  "update": a body that creates must not have it
//	mask                   what is shown in place of the value: see package privacy
//	lines                  "true": the text may have several lines
//
// A body, a query parameter, a merge patch and an import return the same code and
// message for the same mistake. docs/errors.md lists the codes.
//
// Its room: it knows no table, no member and no HTTP. It imports fault, the JSON
// library and golang.org/x/text. It makes a descriptor once for each type.
// Descriptors and all functions are safe for concurrent use.
package field
