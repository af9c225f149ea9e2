// Package limit is the server that Muster is measured against: what the same
// requests cost if nothing stands between net/http and the database.
//
// Its room: the driver, the pragmas, the SQL texts, the crypto and the timeouts
// of the server are those of Muster; the handlers are written by hand, each for its one purpose, with
// structs for encoding/json. There are no sessions, no query values, no
// cancellation, no request ids, no log and no problem documents, and nothing is
// done apart from requests. A test compares what both answer, byte for byte
// where nothing is random, and the texts that both run.
//
// It imports the driver and nothing of Muster.
package limit
