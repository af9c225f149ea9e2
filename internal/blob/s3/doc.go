// Package s3 keeps objects in a bucket of Amazon S3 or of any server that
// speaks its protocol, and signs the URLs under which that server hands them
// out.
//
// Its room: it fills blob.Store and imports blob, fault, minio-go and the
// standard library. minio-go stores, reads and deletes. Signing is ours, since
// a page signs a dozen URLs and may wait for nothing: it is local computation
// with the day's signing key at hand, and gives, byte for byte, the URL that
// minio-go would. A store that is dead or slow fails what stores, reads and
// deletes within a bound, as a fault, and does not touch signing.
//
// Where the bucket is comes from a URL and the AWS variables; see [Parse]. The
// keys are those of an account that may s3:PutObject, s3:GetObject and
// s3:DeleteObject in the bucket, and nothing else.
//
// The object of a key is called so in the bucket. A link carries how the object
// is presented and cached, in the response- parameters of S3, and so what a
// browser is told does not depend on how the object got there.
package s3
