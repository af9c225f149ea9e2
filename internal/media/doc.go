// Package media holds the photos and documents of members: their types and changes.
//
// Its room: a row holds the key of an object in the store, never a URL. Links are
// signed where a response is written. The package knows nothing of blob stores, of
// HTTP, or of members beyond their IDs.
package media
