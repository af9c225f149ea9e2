// Package csvfile reads and writes CSV in the dialects of spreadsheets and
// databases.
//
// Its room: bytes to rows and back. [Examine] reads a whole file and refuses what is
// not CSV, with the reason; [Decode] converts its encoding to UTF-8; [Reader] returns
// rows with their lines, each bounded, and continues after a damaged one; [Writer]
// writes what no spreadsheet takes for a formula ([Guard]), which the reader undoes.
// The package knows neither members nor databases.
package csvfile
