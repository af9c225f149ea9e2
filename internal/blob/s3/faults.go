package s3

import (
	"context"
	"errors"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/fault"
)

// explain turns an error of the store or the network into a fault that names the
// remedy. The original stays the cause, which only the log shows. ctx is the
// caller's: if it is not done, a cancelled request is the store's failure.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		return blob.ErrUnavailable.Because(opaque(err))
	}
	if f := faultOf(answer); f != nil {
		return f.Because(answer)
	}
	return answer
}

// opaque keeps the text of an error and not its tree: a timeout of the store must
// not look like one of the caller.
func opaque(err error) error { return errors.New(err.Error()) }

// faultOf returns nil for what should not happen, such as a malformed request.
func faultOf(answer minio.ErrorResponse) *fault.Error {
	switch answer.Code {
	case minio.NoSuchKey, "NoSuchVersion":
		return blob.ErrNotFound
	case "RequestTimeTooSkewed", minio.NoSuchBucket:
		return blob.ErrUnavailable
	case minio.PreconditionFailed:
		return nil
	case "QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded":
		return blob.ErrFull
	case "ExpiredToken", "InvalidToken", minio.AuthorizationHeaderMalformed:
		return blob.ErrReadOnly
	}
	switch status := answer.StatusCode; {
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		return blob.ErrReadOnly
	case status == http.StatusInsufficientStorage:
		return blob.ErrFull
	case status >= 500, status >= 300 && status < 400, status == http.StatusRequestTimeout, status == http.StatusTooManyRequests:
		return blob.ErrUnavailable
	}
	return nil
}
