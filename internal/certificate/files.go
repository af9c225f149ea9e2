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
	lookAgain = 10 * time.Second    // the pause between two looks at the files
	endsSoon  = 14 * 24 * time.Hour // whoever renews certificates should have done so
)

// Files is a certificate and its key, read from two files. It is safe for
// concurrent use.
//
// Handshakes look at the files, at most one of them in [lookAgain]: so a new
// certificate needs no signal, no goroutine and nothing of the file system but
// reading, and is found behind links and in volumes of containers too. What is
// compared is content, since times are too coarse in some of those. New files
// that cannot be used change nothing, and the log says so once.
type Files struct {
	certificate, key string
	log              *slog.Logger
	now              func() time.Time
	current          atomic.Pointer[tls.Certificate]

	mu   sync.Mutex // of what is below
	next time.Time
	seen [sha256.Size]byte // what was read last, usable or not
}

// LoadFiles reads a certificate, with those between it and its root, and its key, as
// PEM. Its errors are for the person who runs the server: a file that is not
// there, a key of another certificate, a certificate that is over or not yet
// good.
func LoadFiles(certificate, key string, log *slog.Logger) (*Files, error) {
	f := &Files{certificate: certificate, key: key, log: log, now: time.Now}
	p := f.read()
	c, err := f.parse(p)
	if err != nil {
		return nil, err
	}
	f.seen, f.next = p.sum(), f.now().Add(lookAgain)
	f.use(c)
	return f, nil
}

// Config is that of a server which shows the certificate.
func (f *Files) Config() *tls.Config { return configure(f.get) }

// get never fails: there is always a certificate, if an old one.
func (f *Files) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if f.mu.TryLock() { // one looks, and the others go on with what there is
		defer f.mu.Unlock()
		f.look()
	}
	return f.current.Load(), nil
}

func (f *Files) look() {
	now := f.now()
	if now.Before(f.next) {
		return
	}
	f.next = now.Add(lookAgain)
	p := f.read()
	sum := p.sum()
	if sum == f.seen {
		return
	}
	f.seen = sum
	c, err := f.parse(p)
	if err != nil {
		f.log.Warn("the new certificate cannot be used; the old one is shown still", "error", err)
		return
	}
	f.use(c)
	f.log.Info("the certificate was replaced", "until", c.Leaf.NotAfter)
}

// use shows the certificate from now on, and warns of what may be meant so and
// is not good.
func (f *Files) use(c *tls.Certificate) {
	f.current.Store(c)
	if info, err := os.Stat(f.key); err == nil && info.Mode().Perm()&0o007 != 0 {
		f.log.Warn("others on this machine can read the key of the certificate; chmod 600 closes it to them",
			"file", f.key, "mode", info.Mode().Perm().String())
	}
	if c.Leaf.NotAfter.Sub(f.now()) < endsSoon {
		f.log.Warn("the certificate ends soon", "file", f.certificate, "until", c.Leaf.NotAfter)
	}
}

// pair is what the two files hold, or why that is not known.
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
		return fmt.Errorf("the %s %s is not there", what, file)
	default:
		return fmt.Errorf("the %s cannot be read: %w", what, err)
	}
}

// sum tells one state of the files from another.
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
		return nil, fmt.Errorf("the key %s is locked with a passphrase, which nobody can type here: give one without", f.key)
	}
	c, err := tls.X509KeyPair(p.certificate, p.key)
	if err != nil {
		return nil, fmt.Errorf("the certificate %s with the key %s: %w", f.certificate, f.key, err)
	}
	switch now := f.now(); {
	case now.After(c.Leaf.NotAfter):
		return nil, fmt.Errorf("the certificate %s is over since %s: renew it", f.certificate, c.Leaf.NotAfter.Format(time.RFC3339))
	case now.Before(c.Leaf.NotBefore):
		return nil, fmt.Errorf("the certificate %s is good from %s on, and it is %s here: see which of the two is wrong",
			f.certificate, c.Leaf.NotBefore.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return &c, nil
}
