// Package progress shows a person how far a long command is.
//
// Its room: numbers to a terminal, as a bar; to what is no terminal, such as
// the log of a nightly job, as a line every few seconds. It knows nothing of
// what the numbers count.
package progress
