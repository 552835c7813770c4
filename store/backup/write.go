package backup

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
)

// Writer writes a backup. Its first error stays: Close returns it.
type Writer struct {
	out     *bufio.Writer
	sum     hash.Hash
	packed  *gzip.Writer
	lines   *json.Encoder
	table   string
	columns []string
	rows    int
	err     error
}

// NewWriter begins a backup.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	header, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	a := &Writer{out: bufio.NewWriterSize(w, 1<<18), sum: sha256.New()}
	hashed := io.MultiWriter(a.out, a.sum)
	if _, err := fmt.Fprintf(hashed, "%s%s\n%s\n", magic, version, header); err != nil {
		return nil, err
	}
	if a.packed, err = gzip.NewWriterLevel(hashed, gzip.BestSpeed); err != nil {
		return nil, err
	}
	a.lines = json.NewEncoder(a.packed)
	a.lines.SetEscapeHTML(false)
	return a, nil
}

// Row adds a row: nil, bool, int64, string or []byte for each column.
func (a *Writer) Row(table string, columns []string, row []any) error {
	if table != a.table || !slices.Equal(columns, a.columns) {
		a.table, a.columns = table, slices.Clone(columns)
		a.line(announcement{Table: table, Columns: columns})
	}
	values := make([]any, len(row))
	for i, value := range row {
		switch value.(type) {
		case nil, bool, int64, string, []byte:
			values[i] = encodeValue(value)
		default:
			return fmt.Errorf("%s.%s is a %T, which no backup can hold", table, columns[i], value)
		}
	}
	a.line(values)
	a.rows++
	return a.err
}

// Blob adds a blob; r gives exactly size bytes.
func (a *Writer) Blob(sum string, size int64, r io.Reader) error {
	a.line(announcement{Blob: sum, Size: size})
	if a.err == nil {
		_, a.err = io.CopyN(a.packed, r, size)
	}
	return a.err
}

// Rows is how many rows there are so far.
func (a *Writer) Rows() int { return a.rows }

func (a *Writer) line(value any) {
	if a.err == nil {
		a.err = a.lines.Encode(value)
	}
}

// Close ends the backup. What it was written to stays open.
func (a *Writer) Close() error {
	if err := errors.Join(a.err, a.packed.Close()); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(a.out, "%s%s\n", trailer, hex.EncodeToString(a.sum.Sum(nil))); err != nil {
		return err
	}
	return a.out.Flush()
}
