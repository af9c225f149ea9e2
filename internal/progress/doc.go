// Package progress shows the progress of a long command.
//
// Its room: it prints numbers, to a terminal as a bar, and elsewhere, such as to
// the log of a nightly job, as a line every few seconds. It does not know what the
// numbers count.
package progress
