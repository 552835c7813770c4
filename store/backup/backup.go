// Package backup is the file of a backup: what is in it, and whether it is what was
// written. It knows neither a database nor where blobs are kept.
//
// A file is a line with the format's version, a line with the header in JSON, a gzip
// stream of lines in JSON, and the SHA-256 of all that. The stream's lines name a
// table and its columns, are a row of the table named last, or announce a blob, whose
// bytes follow.
package backup

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

const (
	magic   = "oore-backup "
	version = "1"
	// trailer is the end of a file: this, 64 digits and a line feed.
	trailer     = "\nsha256 "
	trailerSize = len(trailer) + 64 + 1
)

// Header says what a backup is of.
type Header struct {
	Oore      string    `json:"oore"` // the version that made it
	CreatedAt time.Time `json:"created_at"`
	Database  string    `json:"database"`         // sqlite or postgres; it can be restored into either
	Schema    []int     `json:"schema"`           // the migrations that had made the schema
	Oldest    int       `json:"oldest,omitempty"` // the last migration that the oldest program knows which can restore it; 0: one that knows all
	KeyID     string    `json:"key_id"`           // of the encryption key under which secrets are sealed
	Key       []byte    `json:"key,omitempty"`
	RunnerID  string    `json:"runner_id,omitempty"` // of the server's own runner
	Artifacts bool      `json:"artifacts"`           // the files of artifacts are in it, not archived logs alone
}

// announcement is a line that is no row.
type announcement struct {
	Table   string   `json:"table,omitempty"`
	Columns []string `json:"columns,omitempty"`
	Blob    string   `json:"blob,omitempty"`
	Size    int64    `json:"size,omitempty"`
}

// octets are bytes in a row: as text where they are text, which is most of them.
type octets struct {
	Text   *string `json:"text,omitempty"`
	Base64 *string `json:"base64,omitempty"`
}

func encodeValue(value any) any {
	data, ok := value.([]byte)
	if !ok {
		return value
	}
	if utf8.Valid(data) {
		text := string(data)
		return octets{Text: &text}
	}
	text := base64.StdEncoding.EncodeToString(data)
	return octets{Base64: &text}
}

func decodeValue(raw json.RawMessage) (any, error) {
	switch {
	case len(raw) == 0:
		return nil, errors.New("a value is missing")
	case raw[0] == '{':
		var o octets
		if err := json.Unmarshal(raw, &o); err != nil {
			return nil, err
		}
		switch {
		case o.Text != nil:
			return []byte(*o.Text), nil
		case o.Base64 != nil:
			return base64.StdEncoding.DecodeString(*o.Base64)
		}
		return nil, fmt.Errorf("%.40q is no value", raw)
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		var n int64
		err := json.Unmarshal(raw, &n)
		return n, err
	}
	var value any // null, a bool or a text
	if err := json.Unmarshal(raw, &value); err != nil {
		return nil, err
	}
	if _, list := value.([]any); list {
		return nil, fmt.Errorf("%.40q is no value", raw)
	}
	return value, nil
}
