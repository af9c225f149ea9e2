// Package privacy says what of a member is personal beyond the ordinary, and
// how it looks to those who have not asked for it with a reason.
//
// Its room: the one table of masked columns, [Columns], and the functions that
// mask them. Lists, details, answers to changes, exports, problems and the
// record all call these, so that what one hides no other shows. The package
// imports fault and knows neither the database nor HTTP; who may reveal what is
// operator's business.
package privacy
