// Package media holds the photos and documents of members: their rows, and the
// queries and changes of these.
//
// Its room: a row holds the key of an object in the store, never a URL. Links
// are signed where a response is written. The package imports query, fault and
// ids; it knows nothing of blob stores, HTTP or members beyond their ids.
package media
