package csvfile

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/unicode"

	"github.com/musterhq/muster/internal/fault"
)

// encodings are the encodings of files, by name. EUC-KR is read as its superset
// CP949, as browsers do.
var encodings = map[string]encoding.Encoding{
	"utf-8":        encoding.Nop,
	"utf-16":       unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM),
	"euc-kr":       korean.EUCKR,
	"cp949":        korean.EUCKR,
	"windows-1252": charmap.Windows1252,
}

// Encodings lists the names of the encodings that [Decode] knows.
func Encodings() []string {
	return []string{"utf-8", "utf-16", "euc-kr", "cp949", "windows-1252"}
}

// KnowsEncoding reports whether [Decode] knows the encoding.
func KnowsEncoding(name string) bool { return slices.Contains(Encodings(), strings.ToLower(name)) }

// The bytes at the start of a file that identify its format.
var (
	bomUTF8 = []byte("\xef\xbb\xbf")
	bomLE   = []byte("\xff\xfe")
	bomBE   = []byte("\xfe\xff")
	notText = map[string]string{
		"PK\x03\x04":       "a workbook (such as .xlsx) or a ZIP archive. Open it and save the sheet as CSV UTF-8",
		"\xd0\xcf\x11\xe0": "an old Excel workbook. Open it and save the sheet as CSV UTF-8",
		"\x1f\x8b":         "compressed with gzip. Unpack it first",
		"\x28\xb5\x2f\xfd": "compressed with zstd. Unpack it first",
		"%PDF":             "a PDF",
		"SQLite format 3":  "an SQLite database",
	}
)

// markedEncoding returns the encoding of a byte order mark, or nothing without one.
func markedEncoding(head []byte) string {
	switch {
	case bytes.HasPrefix(head, bomUTF8):
		return "utf-8"
	case bytes.HasPrefix(head, bomLE), bytes.HasPrefix(head, bomBE):
		return "utf-16"
	default:
		return ""
	}
}

// Decode returns the text of r as UTF-8, without a byte order mark, and the encoding
// that it was in. A mark wins over the name; an empty name is UTF-8. Invalid bytes
// stay as they are in UTF-8, and become U+FFFD in other encodings. Faults:
// unknown_encoding, wrong_encoding.
func Decode(r io.Reader, name string) (text io.Reader, used string, err error) {
	buffered := bufio.NewReader(r)
	head, err := buffered.Peek(len(bomUTF8))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, "", fmt.Errorf("reading the file: %w", err)
	}
	if name == "" {
		name = "utf-8"
	}
	name = strings.ToLower(name)
	marked := markedEncoding(head)
	if name == "utf-16" && marked == "" {
		return nil, "", fault.New(fault.Invalid, "wrong_encoding",
			"The map says UTF-16, but the file has no byte order mark. Save it as CSV UTF-8.")
	}
	if marked != "" {
		name = marked
	}
	known, ok := encodings[name]
	if !ok {
		return nil, "", fault.New(fault.Invalid, "unknown_encoding",
			"Unknown encoding %q. Use one of %s.", name, strings.Join(Encodings(), ", "))
	}
	if name != "utf-8" {
		return known.NewDecoder().Reader(buffered), name, nil
	}
	if marked != "" {
		_, _ = buffered.Discard(len(bomUTF8)) // Peek has read it
	}
	return buffered, name, nil
}

// Nature describes a file that was read to its end.
type Nature struct {
	Hash  string // SHA-256, in hexadecimal
	Bytes int64
	Lines int // at least the line of the last row
}

// Examine reads r to its end. It refuses a file that is not text or not in the named
// encoding, but not one with a few damaged lines. It calls tick repeatedly with the
// number of bytes read. Faults: not_a_sheet, wrong_encoding.
func Examine(r io.Reader, name string, tick func(done int64) error) (Nature, error) {
	e := examination{hash: sha256.New(), lines: 1}
	buffer := make([]byte, 256<<10)
	for {
		n, err := io.ReadFull(r, buffer)
		if e.bytes == 0 {
			e.head = bytes.Clone(buffer[:min(n, 512)])
			if err := refuse(e.head); err != nil {
				return Nature{}, err
			}
		}
		e.take(buffer[:n])
		if err := tick(e.bytes); err != nil {
			return Nature{}, err
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return Nature{}, fmt.Errorf("reading the file: %w", err)
		}
	}
	if err := e.agrees(strings.ToLower(name)); err != nil {
		return Nature{}, err
	}
	return Nature{Hash: hex.EncodeToString(e.hash.Sum(nil)), Bytes: e.bytes, Lines: e.lines}, nil
}

// refuse returns a fault for a file that is not text.
func refuse(head []byte) error {
	for mark, what := range notText {
		if bytes.HasPrefix(head, []byte(mark)) {
			return fault.New(fault.Invalid, "not_a_sheet", "The file is not CSV. It is %s.", what)
		}
	}
	if markedEncoding(head) == "utf-16" || bytes.IndexByte(head, 0) < 0 {
		return nil
	}
	return fault.New(fault.Invalid, "wrong_encoding",
		"The file contains NUL bytes: it is binary, or UTF-16 without a byte order mark. Save it as CSV UTF-8.")
}

type examination struct {
	hash           hash.Hash
	head           []byte
	bytes          int64
	lines          int
	rest           []byte // the start of a line that the next piece continues
	foreign, wrong int    // lines with other than ASCII characters; those of them that are not UTF-8
}

// maxRest bounds the rest of a line: each piece of a longer line counts by itself.
const maxRest = 64 << 10

func (e *examination) take(piece []byte) {
	_, _ = e.hash.Write(piece) // never fails
	e.bytes += int64(len(piece))
	for len(piece) > 0 {
		end := bytes.IndexByte(piece, '\n') + 1
		if end == 0 {
			e.rest = append(e.rest, piece...)
			if len(e.rest) > maxRest {
				e.rest = e.rest[:0]
			}
			return
		}
		e.lines++
		line := piece[:end]
		if len(e.rest) > 0 {
			e.rest = append(e.rest, line...)
			line = e.rest
		}
		e.judge(line)
		e.rest = e.rest[:0]
		piece = piece[end:]
	}
}

func (e *examination) judge(line []byte) {
	if isASCII(line) {
		return
	}
	e.foreign++
	if !utf8.Valid(line) {
		e.wrong++
	}
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// agrees returns a fault unless the lines are in the named encoding.
func (e *examination) agrees(name string) error {
	e.judge(e.rest)
	if e.lines == 1 && bytes.IndexByte(e.head, '\r') >= 0 {
		return fault.New(fault.Invalid, "not_a_sheet",
			"The lines of the file end with CR alone. Save it with LF or CR LF.")
	}
	if markedEncoding(e.head) != "" {
		return nil
	}
	switch {
	case name == "" || name == "utf-8":
		if e.wrong >= 2 && 2*e.wrong > e.foreign {
			return fault.New(fault.Invalid, "wrong_encoding",
				"The file is not UTF-8: %d of the %d lines with other than ASCII characters are invalid. "+
					"Name its encoding in the map ([file] encoding = …), one of %s, or save it as CSV UTF-8.",
				e.wrong, e.foreign, strings.Join(Encodings(), ", "))
		}
	case e.foreign > 0 && e.wrong == 0:
		return fault.New(fault.Invalid, "wrong_encoding",
			"The file is UTF-8, not %s as the map says. Remove encoding from the map.", name)
	}
	return nil
}
