package csvfile_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/csvfile"
	"github.com/musterhq/muster/internal/fault"
)

// read returns the rows of a text, and the class of a damaged one as its cells.
func read(t testing.TB, text io.Reader, delimiter byte, encoding string) []csvfile.Row {
	t.Helper()
	r := csvfile.NewReader(text, delimiter, encoding)
	var rows []csvfile.Row
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if d := (*csvfile.DamagedError)(nil); errors.As(err, &d) {
			row.Cells = []string{"!" + d.Class}
		} else if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	type rows = []csvfile.Row
	for name, c := range map[string]struct {
		text string
		want rows
	}{
		"plain":                   {"a,b\n1,2\n", rows{{1, []string{"a", "b"}}, {2, []string{"1", "2"}}}},
		"without a last line end": {"a,b\n1,2", rows{{1, []string{"a", "b"}}, {2, []string{"1", "2"}}}},
		"CR LF":                   {"a,b\r\n1,2\r\n", rows{{1, []string{"a", "b"}}, {2, []string{"1", "2"}}}},
		"empty lines":             {"a,b\n\n\r\n1,2\n", rows{{1, []string{"a", "b"}}, {4, []string{"1", "2"}}}},
		"blank cells":             {",,\n", rows{{1, []string{"", "", ""}}}},
		"quoted":                  {`"a,1","b ""c""",""` + "\n", rows{{1, []string{"a,1", `b "c"`, ""}}}},
		"quoted lines":            {"\"a\nb\r\nc\",d\n1,2\n", rows{{1, []string{"a\nb\r\nc", "d"}}, {4, []string{"1", "2"}}}},
		"quote inside":            {`5'9",x` + "\n", rows{{1, []string{`5'9"`, "x"}}}},
		"guarded":                 {"'+8210,'=x,''=y,'t Hooft\n", rows{{1, []string{"+8210", "=x", "'=y", "'t Hooft"}}}},
		"stray quote":             {"\"a\"b,c\n1,2\n", rows{{1, []string{"!stray_quote"}}, {2, []string{"1", "2"}}}},
		"open to the end":         {"a,\"b\n1,2\n3,4\n", rows{{1, []string{"!open_quote"}}, {2, []string{"1", "2"}}, {3, []string{"3", "4"}}}},
		"open to the next quote":  {"a,\"b\n1,2\n3,\"4\"\n5,6\n", rows{{1, []string{"!open_quote"}}, {2, []string{"1", "2"}}, {3, []string{"3", "4"}}, {4, []string{"5", "6"}}}},
		"two open":                {"\"a\n\"b\nc\n", rows{{1, []string{"!open_quote"}}, {2, []string{"!open_quote"}}, {3, []string{"c"}}}},
		"not UTF-8":               {"a\xff,b\n1,2\n", rows{{1, []string{"!bad_encoding"}}, {2, []string{"1", "2"}}}},
		"a row too long":          {strings.Repeat("x", csvfile.MaxRow+1) + "\n1,2\n", rows{{1, []string{"!too_long"}}, {2, []string{"1", "2"}}}},
		"too many cells":          {strings.Repeat(",", csvfile.MaxCells) + "\n1,2\n", rows{{1, []string{"!too_long"}}, {2, []string{"1", "2"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, read(t, strings.NewReader(c.text), ',', "")); diff != "" {
				t.Errorf("rows (-want +got):\n%.2000s", diff)
			}
		})
	}
}

// TestReaderBoundsQuotes opens quotes that close, if at all, too far away.
func TestReaderBoundsQuotes(t *testing.T) {
	t.Parallel()
	rows := read(t, strings.NewReader("\"a\n"+strings.Repeat("x,y\n", csvfile.MaxRow/4)), ',', "")
	if n := len(rows); n != 1+csvfile.MaxRow/4 || rows[0].Cells[0] != "!open_quote" || rows[n-1].Line != n {
		t.Errorf("got %d rows, the first %v and the last %v; want an error for the first only", n, rows[0], rows[n-1])
	}
	r := csvfile.NewReader(&endless{line: "a\",\"b\n"}, ',', "") // each line closes a quote and opens one
	for {
		if _, err := r.Read(); !errors.As(err, new(*csvfile.DamagedError)) {
			if f := fault.As(err); f == nil || f.Code != "not_a_sheet" {
				t.Errorf("got %v, want the file refused", err)
			}
			return
		}
	}
}

// endless repeats a line.
type endless struct {
	line string
	rest string
}

func (e *endless) Read(p []byte) (int, error) {
	if e.rest == "" {
		e.rest = e.line
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func TestGuard(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "Kim": "Kim", "12": "12", "'": "'", "'t Hooft": "'t Hooft", "김바다": "김바다",
		"=1+1": "'=1+1", "+8210": "'+8210", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx",
		"＝1": "'＝1", "'=x": "''=x", "''@": "'''@",
	} {
		if got := csvfile.Guard(text); got != want {
			t.Errorf("Guard(%q) is %q, want %q", text, got, want)
		}
	}
}

func FuzzGuard(f *testing.F) {
	for _, seed := range []string{"", "=x", "'=x", "''", "+82", "＠", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		guarded := csvfile.Guard(text)
		if got := csvfile.Unguard(guarded); got != text {
			t.Fatalf("%q came back as %q", text, got)
		}
		if strings.ContainsAny(guarded[:min(1, len(guarded))], "=+-@\t\r\n") {
			t.Fatalf("%q is not guarded", guarded)
		}
	})
}

// TestRowsComeBack writes any rows and reads them again, with our reader and
// with the standard library's.
func TestRowsComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringOfN(rapid.RuneFrom([]rune("ab가,;\"'=+-@\t\n ")), 0, 8, -1)
		n := rapid.IntRange(2, 5).Draw(t, "cells")
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, n, n), 1, 10).Draw(t, "rows")
		var file bytes.Buffer
		w := csvfile.NewWriter(&file, ',')
		for _, row := range rows {
			if err := w.Write(row); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		r := csvfile.NewReader(bytes.NewReader(file.Bytes()), ',', "")
		for _, want := range rows {
			got, err := r.Read()
			if err != nil || !slices.Equal(got.Cells, want) {
				t.Fatalf("got %q, %v, want %q", got.Cells, err, want)
			}
		}
		standard, err := csv.NewReader(&file).ReadAll()
		if err != nil || len(standard) != len(rows) {
			t.Fatalf("the standard library reads %d rows, %v; want %d", len(standard), err, len(rows))
		}
	})
}

func FuzzReader(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "\"a\nb\",c", "\"", "\"a\"b\n", "a\r\n\r\n\"\"\"", "\xef\xbb\xbfa"} {
		f.Add([]byte(seed), byte(','))
	}
	f.Fuzz(func(t *testing.T, text []byte, delimiter byte) {
		if delimiter == '"' || delimiter == '\n' || delimiter == '\r' || delimiter == '\'' || delimiter >= 0x80 {
			return
		}
		rows := read(t, bytes.NewReader(text), delimiter, "")
		line := 0
		for _, row := range rows {
			if row.Line <= line || len(row.Cells) == 0 {
				t.Fatalf("row %q of line %d after line %d", row.Cells, row.Line, line)
			}
			line = row.Line
		}
		if lines := bytes.Count(text, []byte("\n")) + 1; line > lines {
			t.Fatalf("a row on line %d of %d", line, lines)
		}
	})
}

func TestSplitIsTheReverseOfJoin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		item := rapid.StringOfN(rapid.RuneFrom([]rune(`ab가;\,x`)), 1, 6, -1)
		items := rapid.SliceOfN(item, 1, 5).Draw(t, "items")
		if got := csvfile.Split(csvfile.Join(items), ";"); !slices.Equal(got, items) {
			t.Fatalf("got %q, want %q", got, items)
		}
	})
	if got := csvfile.Split(" a ;; b ;", ";"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %q, want a and b", got)
	}
}

func decode(t *testing.T, text []byte, encoding string) []csvfile.Row {
	t.Helper()
	nature, err := csvfile.Examine(bytes.NewReader(text), encoding, func(int64) error { return nil })
	if err != nil {
		t.Fatalf("examining: %v", err)
	}
	if nature.Bytes != int64(len(text)) || len(nature.Hash) != 64 {
		t.Errorf("got %+v, want %d bytes and a hash", nature, len(text))
	}
	decoded, used, err := csvfile.Decode(bytes.NewReader(text), encoding)
	if err != nil {
		t.Fatalf("decoding: %v", err)
	}
	rows := read(t, decoded, ',', used)
	if last := rows[len(rows)-1].Line; last > nature.Lines {
		t.Errorf("a row is on line %d of %d", last, nature.Lines)
	}
	return rows
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	encoded := func(e interface{ String(string) (string, error) }, text string) []byte {
		s, err := e.String(text)
		if err != nil {
			t.Fatal(err)
		}
		return []byte(s)
	}
	korean8, latin := "이름,도시\n김바다,똠방각하\n", "name,town\nJosé,Zürich €\n"
	for name, c := range map[string]struct {
		text     []byte
		encoding string
		want     string
	}{
		"UTF-8":                         {[]byte(korean8), "", korean8},
		"UTF-8 with a mark":             {[]byte("\xef\xbb\xbf" + korean8), "utf-8", korean8},
		"UTF-8 with a mark, said CP949": {[]byte("\xef\xbb\xbf" + korean8), "cp949", korean8},
		"UTF-16, little end first":      {encoded(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder(), korean8), "", korean8},
		"UTF-16, big end first":         {encoded(unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder(), korean8), "utf-16", korean8},
		"CP949":                         {encoded(korean.EUCKR.NewEncoder(), korean8), "CP949", korean8},
		"EUC-KR":                        {encoded(korean.EUCKR.NewEncoder(), korean8), "euc-kr", korean8},
		"windows-1252":                  {encoded(charmap.Windows1252.NewEncoder(), latin), "windows-1252", latin},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := read(t, strings.NewReader(c.want), ',', "")
			if diff := cmp.Diff(want, decode(t, c.text, c.encoding)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDamagedEncoding(t *testing.T) {
	t.Parallel()
	good := "김바다\n이하늘\n"
	for name, c := range map[string]struct{ text, encoding string }{
		"one line of UTF-8": {good + "\xb1\xe8\n", ""},
		"one line of CP949": {"\xb1\xe8\xb9\xd9\xb4\xd9\n\xb1\xe8\n\xff\xff\n", "cp949"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows := decode(t, []byte(c.text), c.encoding)
			if len(rows) != 3 || rows[2].Cells[0] != "!bad_encoding" || rows[1].Cells[0][0] == '!' {
				t.Errorf("got %v, want the third of three rows refused", rows)
			}
		})
	}
}

func TestExamineRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, encoding, code, says string }{
		"CP949 said to be UTF-8": {"name\n\xb1\xe8\xb9\xd9\n\xb1\xe8\xc7\xcf\n", "", "wrong_encoding", "2 of the 2 lines"},
		"UTF-8 said to be CP949": {"이름\n김바다\n", "cp949", "wrong_encoding", "is UTF-8, not cp949"},
		"UTF-16 without a mark":  {"n\x00a\x00m\x00e\x00\n\x00", "", "wrong_encoding", "UTF-16 without a byte order mark"},
		"a workbook":             {"PK\x03\x04\x14\x00", "", "not_a_sheet", "workbook"},
		"gzip":                   {"\x1f\x8b\x08\x00", "", "not_a_sheet", "gzip"},
		"lines that end with CR": {"a,b\r1,2\r", "", "not_a_sheet", "CR alone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := csvfile.Examine(strings.NewReader(c.text), c.encoding, func(int64) error { return nil })
			f := fault.As(err)
			if f == nil || f.Code != c.code || !strings.Contains(f.Message, c.says) {
				t.Errorf("got %v, want %s saying %q", err, c.code, c.says)
			}
		})
	}
	for _, encoding := range []string{"ebcdic", "utf-16"} {
		if _, _, err := csvfile.Decode(strings.NewReader("a,b\n"), encoding); fault.As(err) == nil {
			t.Errorf("%s: got %v, want a fault", encoding, err)
		}
	}
}
