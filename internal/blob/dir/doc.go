// Package dir keeps objects as files in a folder and serves them itself, under
// signed URLs that expire. It is the blob store of a Muster without S3.
//
// Its room: it fills blob.Store and imports blob, fault and the standard
// library. The folder is reached through [os.Root] only, so that neither a key
// nor a symbolic link leads out of it. Who may have a link is not its business:
// whoever holds one may fetch what it names until it expires.
//
// An object is the file whose path is its key, and nothing else: folders can be
// copied, backed up and looked at with any tool. A file is written under a
// temporary name that starts with ".new-" and renamed when it is whole and on
// the disk.
//
// A signed URL is
//
//	<base>/media/<key>?e=<expiry>[&n=<filename>][&t=<content type>]&s=<signature>
//
// where e is in Unix seconds and s is the HMAC-SHA256, in unpadded base64url, of
// "GET ", the key and the query up to s, exactly as they are written. What
// browsers are told about an object is therefore part of what is signed, and
// there is one way to write a link. The base is not signed: a proxy may change
// it.
package dir
