package s3

import (
	"context"
	"errors"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/musterhq/muster/internal/blob"
	"github.com/musterhq/muster/internal/fault"
)

// explain turns what the store or the network says into a fault that names the
// remedy. Their words stay the cause, which only the log shows. ctx is the
// caller's: an end that is not the caller's is the store's failure.
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

// opaque keeps the words of an error and not its tree: that the store ran out
// of time is not that the caller did.
func opaque(err error) error { return errors.New(err.Error()) }

// faultOf is nil for what should not happen, such as that a request of ours is
// malformed.
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
