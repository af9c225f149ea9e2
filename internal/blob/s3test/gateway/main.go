// Command gateway is the S3 server of the tests: versitygw, with its objects in a
// directory, on a free port of the loopback interface. It verifies signatures as
// Amazon S3 does, and has three accounts: an owner, a stranger without permissions,
// and a session of the owner with a token.
//
// It reads its configuration as JSON from standard input, prints the address that it
// listens on, and exits at the end of its input, so that it never outlives the test
// that started it. It has a module of its own to keep its dependencies out of
// Muster.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/middlewares"
)

type config struct {
	Folder string // of buckets and their metadata
	Region string
	Domain string // that follows the bucket in host names

	Owner, Stranger, Session account
}

type account struct{ Key, Secret, Token string }

func main() {
	log.SetFlags(0)
	var c config
	in := json.NewDecoder(os.Stdin)
	if err := in.Decode(&c); err != nil {
		log.Fatalf("reading the configuration: %v", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if err := serve(c); err != nil {
		log.Fatal(err)
	}
}

// serve tries several ports: another process may take a free port before the server
// does.
func serve(c config) error {
	backend, err := newBackend(c.Folder)
	if err != nil {
		return err
	}
	for range 10 {
		var address string
		if address, err = freeAddress(); err != nil {
			return err
		}
		if err = listen(c, backend, address); err == nil {
			return nil
		}
	}
	return err
}

func listen(c config, backend *posix.Posix, address string) error {
	server, err := s3api.New(backend, middlewares.RootUserConfig{Access: c.Owner.Key, Secret: c.Owner.Secret}, c.Region,
		newAccounts(c), nil, nil, nil, nil,
		s3api.WithConcurrencyLimiter(1000, 1000), s3api.WithMpMaxParts(10000), s3api.WithKeepAlive(), s3api.WithQuiet(),
		s3api.WithHostStyle(c.Domain), s3api.WithOnListen(func() { fmt.Println("listening on", address) }))
	if err != nil {
		return err
	}
	return server.ServeMultiPort([]string{address})
}

// newBackend stores metadata beside the objects, because not every temporary
// directory supports extended attributes.
func newBackend(folder string) (*posix.Posix, error) {
	buckets, attributes := filepath.Join(folder, "buckets"), filepath.Join(folder, "attributes")
	for _, name := range []string{buckets, attributes} {
		if err := os.MkdirAll(name, 0o700); err != nil {
			return nil, err
		}
	}
	store, err := meta.NewSideCar(attributes)
	if err != nil {
		return nil, err
	}
	return posix.New(buckets, store, posix.PosixOpts{SideCarDir: attributes})
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// accounts are the accounts besides the owner, which the server knows itself.
type accounts struct {
	auth.IAMService
	c config
}

func newAccounts(c config) accounts {
	return accounts{auth.NewIAMServiceSingle(auth.Account{Access: c.Owner.Key, Secret: c.Owner.Secret, Role: auth.RoleAdmin}), c}
}

func (a accounts) DeriveSigningKey(key, token, date, region, service string) ([]byte, auth.Account, error) {
	switch key {
	case a.c.Stranger.Key:
		return derive(a.c.Stranger.Secret, date, region, service), auth.Account{Access: key, Role: auth.RoleUser}, nil
	case a.c.Session.Key:
		if token != a.c.Session.Token {
			return nil, auth.Account{}, auth.ErrInvalidSessionToken
		}
		return derive(a.c.Session.Secret, date, region, service), auth.Account{Access: key, Role: auth.RoleAdmin}, nil
	}
	return nil, auth.Account{}, auth.ErrNoSuchUser
}

func (a accounts) GetUserAccount(key string) (auth.Account, error) {
	switch key {
	case a.c.Stranger.Key:
		return auth.Account{Access: key, Role: auth.RoleUser}, nil
	case a.c.Session.Key:
		return auth.Account{Access: key, Role: auth.RoleAdmin}, nil
	}
	return a.IAMService.GetUserAccount(key)
}

func derive(secret, date, region, service string) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range []string{date, region, service, "aws4_request"} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return key
}
