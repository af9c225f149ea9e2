package demo

import (
	"bytes"
	"fmt"
)

// specimen returns a document of the kind: a PDF of one page that is marked as a
// specimen.
func specimen(kind string) object {
	page := fmt.Sprintf("BT /F1 40 Tf 60 700 Td (SPECIMEN) Tj 0 -60 Td /F1 18 Tf (Document of kind: %s) Tj "+
		"0 -30 Td (Made by a program for a demonstration.) Tj 0 -30 Td (It names nobody and proves nothing.) Tj ET", kind)
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(page), page),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var offsets []int
	for i, o := range objects {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, at := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table)
	return newObject(b.Bytes(), "application/pdf", "pdf")
}
