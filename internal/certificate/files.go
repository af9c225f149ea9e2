package certificate

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	rereadAfter = 10 * time.Second    // the pause between two reads of the files
	endsSoon    = 14 * 24 * time.Hour // by then it should have been renewed
)

// Files is a certificate and its key, read from two files. It is safe for
// concurrent use.
//
// Handshakes read the files again, at most once every [rereadAfter], which also works
// behind links and in volumes of containers. Files compares contents, because times
// are too coarse in some of those. New files that cannot be used change nothing, and
// are logged once.
type Files struct {
	certificate, key string
	log              *slog.Logger
	now              func() time.Time
	current          atomic.Pointer[tls.Certificate]

	mu   sync.Mutex // guards the fields below
	next time.Time
	seen [sha256.Size]byte // the files as last read, usable or not
}

// LoadFiles reads a certificate, with its intermediates, and its key, as PEM. Errors
// are for the person who runs the server: a missing file, the key of another
// certificate, a certificate that has expired or is not valid yet.
func LoadFiles(certificate, key string, log *slog.Logger) (*Files, error) {
	f := &Files{certificate: certificate, key: key, log: log, now: time.Now}
	p := f.read()
	c, err := f.parse(p)
	if err != nil {
		return nil, err
	}
	f.seen, f.next = p.sum(), f.now().Add(rereadAfter)
	f.use(c)
	return f, nil
}

// Config returns the configuration of a server with this certificate.
func (f *Files) Config() *tls.Config { return configure(f.get) }

// get never fails: there is always a certificate, if only the old one.
func (f *Files) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if f.mu.TryLock() { // one handshake reads, the others use the current one
		defer f.mu.Unlock()
		f.reread()
	}
	return f.current.Load(), nil
}

func (f *Files) reread() {
	now := f.now()
	if now.Before(f.next) {
		return
	}
	f.next = now.Add(rereadAfter)
	p := f.read()
	sum := p.sum()
	if sum == f.seen {
		return
	}
	f.seen = sum
	c, err := f.parse(p)
	if err != nil {
		f.log.Warn("the new certificate cannot be used; the old one stays", "error", err)
		return
	}
	f.use(c)
	f.log.Info("the certificate was replaced", "until", c.Leaf.NotAfter)
}

// use makes the certificate the current one, and warns of what may be a mistake.
func (f *Files) use(c *tls.Certificate) {
	f.current.Store(c)
	if info, err := os.Stat(f.key); err == nil && info.Mode().Perm()&0o007 != 0 {
		f.log.Warn("others on this machine can read the key of the certificate; run chmod 600",
			"file", f.key, "mode", info.Mode().Perm().String())
	}
	if c.Leaf.NotAfter.Sub(f.now()) < endsSoon {
		f.log.Warn("the certificate expires soon", "file", f.certificate, "until", c.Leaf.NotAfter)
	}
}

// pair is the content of the two files, or why they cannot be read.
type pair struct {
	certificate, key []byte
	err              error
}

func (f *Files) read() (p pair) {
	var certificateErr, keyErr error
	p.certificate, certificateErr = os.ReadFile(f.certificate)
	p.key, keyErr = os.ReadFile(f.key)
	p.err = errors.Join(missing("certificate", f.certificate, certificateErr), missing("key", f.key, keyErr))
	return p
}

func missing(what, file string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the %s %s does not exist", what, file)
	default:
		return fmt.Errorf("the %s cannot be read: %w", what, err)
	}
}

// sum identifies the content of the files.
func (p pair) sum() [sha256.Size]byte {
	if p.err != nil {
		return sha256.Sum256([]byte(p.err.Error()))
	}
	key := sha256.Sum256(p.key)
	return sha256.Sum256(append(key[:], p.certificate...))
}

func (f *Files) parse(p pair) (*tls.Certificate, error) {
	if p.err != nil {
		return nil, p.err
	}
	if bytes.Contains(p.key, []byte("ENCRYPTED")) {
		return nil, fmt.Errorf("the key %s has a passphrase: use one without", f.key)
	}
	c, err := tls.X509KeyPair(p.certificate, p.key)
	if err != nil {
		return nil, fmt.Errorf("the certificate %s with the key %s: %w", f.certificate, f.key, err)
	}
	switch now := f.now(); {
	case now.After(c.Leaf.NotAfter):
		return nil, fmt.Errorf("the certificate %s expired at %s: renew it", f.certificate, c.Leaf.NotAfter.Format(time.RFC3339))
	case now.Before(c.Leaf.NotBefore):
		return nil, fmt.Errorf("the certificate %s is not valid before %s, but it is %s here: check the certificate and the clock",
			f.certificate, c.Leaf.NotBefore.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return &c, nil
}
