package api

import (
	"strconv"
	"unicode/utf8"

	"github.com/oore-ci/oore/app/core"
)

// appendRecord appends a log record as JSON. It is on the way of every line to
// every reader, so it spends no reflection and no allocation.
func appendRecord(dst []byte, r *core.LogRecord) []byte {
	dst = append(dst, `{"sequence":`...)
	dst = strconv.AppendInt(dst, r.Sequence, 10)
	dst = append(dst, `,"content":`...)
	dst = appendString(dst, r.Content)
	dst = append(dst, `,"stream":`...)
	dst = appendString(dst, r.Stream)
	dst = append(dst, `,"step":`...)
	dst = appendString(dst, r.Step)
	dst = append(dst, `,"time":`...)
	dst = strconv.AppendFloat(dst, float64(r.Time.UnixMilli())/1000, 'f', 3, 64)
	if r.Partial {
		dst = append(dst, `,"partial":true`...)
	}
	return append(dst, '}')
}

// appendLogEvent appends a record as an event of the stream.
func appendLogEvent(dst []byte, r *core.LogRecord) []byte {
	dst = append(dst, "event: log\nid: "...)
	dst = strconv.AppendInt(dst, r.Sequence, 10)
	dst = append(dst, "\ndata: "...)
	dst = appendRecord(dst, r)
	return append(dst, "\n\n"...)
}

// appendString appends s as a JSON string. What is not UTF-8 becomes U+FFFD, byte
// by byte. The result holds no line break, so it fits in one `data:` line.
func appendString[T ~string | ~[]byte](dst []byte, s T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		b := s[i]
		if b >= ' ' && b < utf8.RuneSelf && b != '"' && b != '\\' {
			i++
			continue
		}
		if b >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if r == utf8.RuneError && size == 1 {
				dst = append(dst, s[start:i]...)
				dst = append(dst, "\uFFFD"...)
				start = i + 1
			}
			i += size
			continue
		}
		dst = append(dst, s[start:i]...)
		switch b {
		case '"', '\\':
			dst = append(dst, '\\', b)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, hex[b>>4], hex[b&0xf])
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}
