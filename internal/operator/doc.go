// Package operator holds who works here: operators, their roles, and the API
// tokens with which they call.
//
// Its room: what a role allows ([Permission], [Role]), the form of a token, the
// query that authenticates its holder ([Authenticate]), and the operations that
// create and change all three. Nobody can grant or take away permissions that
// they do not have, at least one administrator always remains, and every change
// adds an entry to the audit log. A token is shown once, when it is created; the
// store keeps a hash of it. The package knows nothing of HTTP.
//
//   - permission.go, role.go, operator.go, token.go, secret.go: types and rules
//   - queries.go: values
//   - operations.go, tokens.go: functions over a session
//   - cache.go, usage.go: what a server remembers of the tokens it has seen
package operator
