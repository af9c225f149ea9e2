// Package operator holds who works here: operators, their roles, and the API
// tokens with which they call.
//
// Its room: what a role allows ([Permission], [Role]), the form of a token, the
// query that tells whose one is and what it may do ([Authenticate]), and the
// operations that make and change all three. Nobody gives away what they do not
// hold, and one administrator at least is always left; each change is on the
// record. A token is shown once, when it is made; the store keeps a hash of it.
// The package imports audit, query, session, fault and ids, and knows nothing of
// HTTP.
//
//   - permission.go, role.go, operator.go, token.go, secret.go: types and rules
//   - queries.go: values; operations.go: functions over a session
//   - uses.go: when tokens were last used
package operator
