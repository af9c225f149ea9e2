// Package blob declares where the bytes of photos and documents live.
//
// Its room: the [Store] interface that blob/dir (a folder) and blob/s3 (an
// S3-compatible server) fill, and the rules that both share so that neither
// can drift: the grammar of keys, the content type that a key means, how long
// a signed URL lives, and the headers with which an object is shown or saved.
// Rows in the database hold keys, never URLs.
//
// The package imports internal/fault and the standard library. Which objects
// exist, who may see them and how large they may be is not its business: that
// is internal/media. The suite that every backend passes is blob/blobtest.
package blob
