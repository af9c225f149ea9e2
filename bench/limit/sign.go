package limit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"time"
)

const photoLife = 15 * time.Minute

// link is a signed URL, made as the manual of crypto/hmac says; with a filename
// it is a download.
func (f *front) link(key, contentType, filename string, until int64) string {
	signed := key + "?e=" + strconv.FormatInt(until, 10)
	if filename != "" {
		signed += "&n=" + url.PathEscape(filename)
	}
	signed += "&t=" + url.QueryEscape(contentType)
	mac := hmac.New(sha256.New, f.secret)
	mac.Write([]byte("GET " + signed))
	return f.Base + "/media/" + signed + "&s=" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// until is the end of a link that is good for life, at least: the same for all
// that are signed within half of it.
func until(now time.Time, life time.Duration) int64 {
	whole := int64(life / time.Second)
	return now.Unix()/(whole/2)*(whole/2) + whole/2 + whole
}

func unixText(t int64) string { return time.Unix(t, 0).UTC().Format(time.RFC3339) }
