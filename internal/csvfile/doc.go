// Package csvfile reads and writes tables of text as spreadsheets and databases
// hand them over: CSV in its dialects.
//
// Its room: bytes to rows and back. [Examine] looks at a whole file and refuses,
// by name, what is no such table; [Decode] turns its encoding into UTF-8;
// [Reader] gives rows with their lines, each bounded, and goes on after one
// that is damaged; [Writer] writes what a spreadsheet cannot mistake for a
// formula ([Guard]), and the reader undoes that. It knows nothing of members
// and databases.
package csvfile
