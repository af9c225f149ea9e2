// Package certificate is where the certificates of a server come from: files,
// which are read again when they change, or an authority that speaks ACME (RFC
// 8555), such as Let's Encrypt.
//
// Its room: each source gives a [tls.Config], and says in the log what goes
// wrong while it serves. The package imports the standard library and
// golang.org/x/crypto/acme/autocert. Who listens with the configuration, and
// what the responses say about it, is not its business.
package certificate

import (
	"crypto/tls"
)

// configure is what both sources serve with: TLS 1.2 at least, 1.3 where the
// client can, and HTTP/2.
func configure(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: suites, GetCertificate: get, NextProtos: append([]string{"h2", "http/1.1"}, protocols...),
	}
}

// suites are those of TLS 1.2 with forward secrecy and authenticated encryption;
// Go's own list ends with some that have only the first. Those of TLS 1.3 all
// have both, and cannot be chosen.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}
