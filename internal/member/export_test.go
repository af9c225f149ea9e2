package member

// What tests of package member_test need of the inside.

var UpdateChange = update
