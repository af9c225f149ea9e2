// Package privacy says which data of a member is masked, and masks it.
//
// Its room: the masks that fields declare with the tag mask of package field, and
// the functions that apply them. Lists, details, answers to changes, exports,
// problems and the audit log all call these: what one hides, no other shows. The
// package imports fault and field, and knows neither the database nor HTTP. Who may
// reveal what is the business of operator.
package privacy
