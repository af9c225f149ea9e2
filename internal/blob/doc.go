// Package blob declares the storage of photos and documents.
//
// Its room: the [Store] interface, which blob/dir (a directory) and blob/s3 (an
// S3-compatible server) implement, and the rules that they share: the grammar of
// keys, the content type of a key, the lifetime of a signed URL, and the headers
// with which an object is shown or saved. Rows in the database hold keys, never
// URLs.
//
// Which objects exist, who may see them and how large they may be is the business
// of internal/media. Every backend passes the suite blob/blobtest.
package blob
