// Package s3 stores objects in a bucket of Amazon S3, or of a compatible server, and
// signs the URLs under which that server serves them.
//
// Its room: it implements blob.Store. minio-go stores, reads and deletes. Signing is
// ours, because a page signs a dozen URLs: it uses a cached signing key, and signs
// byte for byte as minio-go does. If the store is down or slow, storing, reading and
// deleting fail in time, with a fault.
//
// A URL and the AWS variables describe the bucket; see [Parse]. The account needs
// s3:PutObject, s3:GetObject and s3:DeleteObject in the bucket, and nothing else.
//
// The name of an object in the bucket is its key. A link says how to present and
// cache the object, in the response- parameters of S3.
package s3
