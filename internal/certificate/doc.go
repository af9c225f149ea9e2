// Package certificate provides the certificates of a server: from files, which it
// reloads when they change, or from an authority that speaks ACME (RFC 8555), such
// as Let's Encrypt.
//
// Its room: each source returns a [tls.Config], and logs errors while it serves.
// Listening with the configuration is not its business.
package certificate

import (
	"crypto/tls"
)

// configure returns the configuration for both sources: TLS 1.2 or 1.3, and HTTP/2.
func configure(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: suites, GetCertificate: get, NextProtos: append([]string{"h2", "http/1.1"}, protocols...),
	}
}

// suites are those of TLS 1.2 with forward secrecy and authenticated encryption;
// Go's default list includes some without the latter. Those of TLS 1.3 all have
// both, and cannot be configured.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}
