package backup

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Backup is a file that is what was written.
type Backup struct {
	Header Header
	body   *io.SectionReader
}

// headerMost bounds the two first lines.
const headerMost = 1 << 20

// Open reads a file of the given size through and refuses one that is cut short, that
// was changed, or that is no backup at all.
func Open(file io.ReaderAt, size int64) (*Backup, error) {
	start := make([]byte, min(size, int64(len(magic))))
	if _, err := file.ReadAt(start, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	end, err := readTrailer(file, size)
	if err != nil {
		return nil, err
	}
	switch {
	case end == "" && !strings.HasPrefix(magic, string(start)):
		return nil, errors.New("it is no backup of Oore")
	case end == "":
		return nil, errors.New("it is cut short: its end is missing; copy it again from where it was made")
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(file, 0, size-int64(trailerSize))); err != nil {
		return nil, err
	}
	if found := hex.EncodeToString(sum.Sum(nil)); found != end {
		return nil, fmt.Errorf("it is damaged: its SHA-256 is %s and was %s; copy it again from where it was made, or take another backup", found, end)
	}
	return open(io.NewSectionReader(file, 0, size-int64(trailerSize)))
}

// readTrailer is the SHA-256 at the end; empty: there is none.
func readTrailer(file io.ReaderAt, size int64) (string, error) {
	if size < int64(trailerSize) {
		return "", nil
	}
	end := make([]byte, trailerSize)
	if _, err := file.ReadAt(end, size-int64(trailerSize)); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	digits, ok := strings.CutPrefix(strings.TrimSuffix(string(end), "\n"), trailer)
	if raw, err := hex.DecodeString(digits); !ok || err != nil || len(raw) != sha256.Size {
		return "", nil
	}
	return digits, nil
}

func open(all *io.SectionReader) (*Backup, error) {
	r := bufio.NewReader(io.LimitReader(all, headerMost))
	first, err := r.ReadString('\n')
	made, ours := strings.CutPrefix(strings.TrimSuffix(first, "\n"), magic)
	switch {
	case err != nil || !ours:
		return nil, errors.New("it is no backup of Oore")
	case made != version:
		return nil, fmt.Errorf("its format is %.20q, this program reads %s; restore it with the version of Oore that made it", made, version)
	}
	header, err := r.ReadBytes('\n')
	b := &Backup{}
	if err == nil {
		err = json.Unmarshal(header, &b.Header)
	}
	if err != nil {
		return nil, fmt.Errorf("its header cannot be read: %w", err)
	}
	start := int64(len(first) + len(header))
	b.body = io.NewSectionReader(all, start, all.Size()-start)
	return b, nil
}

// Contents are who wants what is in a backup; nil: it is passed over.
type Contents struct {
	Row  func(table string, columns []string, row []any) error // values as Writer.Row takes them
	Blob func(sum string, size int64, r io.Reader) error       // r gives exactly size bytes, and may be left unread
}

// Read goes through the backup from its start.
func (b *Backup) Read(c Contents) error {
	if _, err := b.body.Seek(0, io.SeekStart); err != nil {
		return err
	}
	unpacked, err := gzip.NewReader(bufio.NewReaderSize(b.body, 1<<18))
	if err != nil {
		return fmt.Errorf("unpack the backup: %w", err)
	}
	lines := bufio.NewReaderSize(unpacked, 1<<18)
	var current announcement
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err == nil {
			err = c.line(lines, bytes.TrimSuffix(line, []byte{'\n'}), &current)
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
}

func (c Contents) line(rest io.Reader, line []byte, current *announcement) error {
	if len(line) > 0 && line[0] == '[' {
		return c.row(line, *current)
	}
	*current = announcement{}
	if err := json.Unmarshal(line, current); err != nil {
		return fmt.Errorf("read a line of the backup: %w", err)
	}
	if current.Blob == "" {
		return nil
	}
	if current.Size < 0 {
		return fmt.Errorf("the blob %s has %d bytes", current.Blob, current.Size)
	}
	data := &io.LimitedReader{R: rest, N: current.Size}
	if c.Blob != nil {
		if err := c.Blob(current.Blob, current.Size, data); err != nil {
			return err
		}
	}
	_, err := io.CopyN(io.Discard, data, data.N)
	return err
}

func (c Contents) row(line []byte, current announcement) error {
	if c.Row == nil {
		return nil
	}
	var values []json.RawMessage
	if err := json.Unmarshal(line, &values); err != nil {
		return fmt.Errorf("read a row of %s: %w", current.Table, err)
	}
	if current.Table == "" || len(values) != len(current.Columns) {
		return fmt.Errorf("a row of %q has %d values for %d columns", current.Table, len(values), len(current.Columns))
	}
	row := make([]any, len(values))
	for i, raw := range values {
		value, err := decodeValue(raw)
		if err != nil {
			return fmt.Errorf("read %s.%s: %w", current.Table, current.Columns[i], err)
		}
		row[i] = value
	}
	return c.Row(current.Table, current.Columns, row)
}
