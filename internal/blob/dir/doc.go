// Package dir stores objects as files in a directory and serves them itself, under
// signed URLs that expire. It is the blob store of a Muster without S3.
//
// Its room: it implements blob.Store, and accesses the directory only through
// [os.Root], so that neither a key nor a symbolic link leads out of it. Whoever has a
// link can fetch its object until it expires.
//
// An object is the file whose path is its key, and nothing else, so any tool can
// copy, back up and inspect the directory. A file is written under a temporary name
// that starts with ".new-", and renamed when it is complete and durable.
//
// A signed URL is
//
//	<base>/media/<key>?e=<expiry>[&n=<filename>][&t=<content type>]&s=<signature>
//
// where e is in Unix seconds and s is the HMAC-SHA256, in unpadded base64url, of
// "GET ", the key and the query before s, exactly as they are written. The
// signature therefore covers what browsers learn about an object, and a link can be
// written in only one way. The base is not signed: a proxy may change it.
package dir
