// Command authority is the ACME server of the tests: Let's Encrypt's pebble, on
// free ports of the loopback interface. It checks challenges as Let's Encrypt
// does, with a DNS server of its own for which every name is 127.0.0.1.
//
// It prints one line of JSON: the URL of its directory, the certificate of that URL,
// and the root of the certificates that it issues. It then reads one line of JSON,
// the ports at which to check challenges, and serves; earlier requests wait. It
// exits at the end of its input, so that it never outlives the test that started
// it. It has a module of its own to keep its dependencies out of Muster.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// about describes the server.
type about struct {
	Directory string // its URL
	Trust     string // the certificate of that URL, as PEM
	Root      string // of the certificates that it issues, as PEM
}

// ports are those at which to check challenges.
type ports struct{ HTTP, TLS int }

func main() {
	log.SetFlags(0)
	if err := serve(); err != nil {
		log.Fatal(err)
	}
}

func serve() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	certificate, trust, err := selfSigned()
	if err != nil {
		return err
	}
	resolver, err := resolve()
	if err != nil {
		return err
	}
	// No delays, and no random errors, which only tests of clients need.
	for name, value := range map[string]string{"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	logger, store := log.New(os.Stderr, "", 0), db.NewMemoryStore()
	authority := ca.New(logger, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {}})
	err = json.NewEncoder(os.Stdout).Encode(about{
		Directory: "https://" + listener.Addr().String() + wfe.DirectoryPath,
		Trust:     trust, Root: string(authority.GetRootCert(0).PEM()),
	})
	if err != nil {
		return err
	}
	var p ports
	in := json.NewDecoder(os.Stdin)
	if err := in.Decode(&p); err != nil {
		return fmt.Errorf("reading the ports: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	validation := va.New(logger, p.HTTP, p.TLS, true, resolver, store)
	front := wfe.New(logger, store, validation, authority, []string{"authority.test"}, true, false, 0, 0)
	server := &http.Server{
		Handler: front.Handler(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: logger,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}},
	}
	return server.ServeTLS(listener, "", "")
}

// selfSigned creates the certificate of the server itself.
func selfSigned() (c tls.Certificate, text string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return c, "", err
	}
	text = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, text, nil
}

// resolve serves DNS over TCP, as the authority expects, and returns its address.
// Every name resolves to 127.0.0.1 and nothing else.
func resolve() (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(answer)}
	go func() { log.Fatal(server.ActivateAndServe()) }()
	return listener.Addr().String(), nil
}

func answer(w dns.ResponseWriter, question *dns.Msg) {
	reply := new(dns.Msg).SetReply(question)
	for _, q := range question.Question {
		if q.Qtype == dns.TypeA {
			reply.Answer = append(reply.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.IPv4(127, 0, 0, 1),
			})
		}
	}
	_ = w.WriteMsg(reply) // the client may have gone
}
