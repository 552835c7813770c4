package core

import (
	"encoding/binary"
	"fmt"
	"time"
)

// LogStream says who wrote a record.
type LogStream string

// The streams. StreamSystem is Oore's own words.
const (
	StreamStdout LogStream = "stdout"
	StreamStderr LogStream = "stderr"
	StreamSystem LogStream = "system"
)

// MaxLogLine is the longest content of one record, in bytes; a longer line goes on
// in the next record (contract section 3).
const MaxLogLine = 16 << 10

// LogRecord is one line of a build's log, without its line feed.
type LogRecord struct {
	Sequence int64 // from 0, without gap or repeat
	Content  []byte
	Stream   LogStream
	Step     string
	Time     time.Time
	Partial  bool // no line feed followed: the next record of the stream goes on here
}

// LogChunk is a run of records of one step as it is stored: one row. Appending the
// same (BuildID, FirstSequence) again changes nothing.
type LogChunk struct {
	BuildID       string
	FirstSequence int64
	Count         int
	Step          string
	At            time.Time
	Data          []byte
}

// Next is the sequence that follows the chunk.
func (c LogChunk) Next() int64 { return c.FirstSequence + int64(c.Count) }

const partialBit = 1 << 4

var streamBits = map[LogStream]byte{StreamStdout: 0, StreamStderr: 1, StreamSystem: 2}

// EncodeLog packs records of one step whose sequences follow each other. Each
// record is: one byte (stream, partial), varint of microseconds after the first
// record, varint of the length, the bytes.
func EncodeLog(buildID string, records []LogRecord) LogChunk {
	size := 0
	for _, r := range records {
		size += len(r.Content) + 12
	}
	first := records[0]
	c := LogChunk{
		BuildID: buildID, FirstSequence: first.Sequence, Count: len(records), Step: first.Step, At: first.Time,
		Data: make([]byte, 0, size),
	}
	for _, r := range records {
		head := streamBits[r.Stream]
		if r.Partial {
			head |= partialBit
		}
		c.Data = append(c.Data, head)
		c.Data = binary.AppendVarint(c.Data, r.Time.Sub(first.Time).Microseconds())
		c.Data = binary.AppendUvarint(c.Data, uint64(len(r.Content)))
		c.Data = append(c.Data, r.Content...)
	}
	return c
}

// Records unpacks the chunk. The contents share the chunk's memory. An error means
// that the stored bytes are damaged.
func (c LogChunk) Records() ([]LogRecord, error) {
	records := make([]LogRecord, 0, min(max(c.Count, 0), len(c.Data)/3)) // a record has three bytes or more
	data := c.Data
	damaged := func() error {
		return fmt.Errorf("log chunk %d of build %s is damaged after %d records", c.FirstSequence, c.BuildID, len(records))
	}
	for len(data) > 0 {
		head := data[0]
		after, n := binary.Varint(data[1:])
		if n <= 0 || head&^partialBit > 2 {
			return nil, damaged()
		}
		data = data[1+n:]
		length, n := binary.Uvarint(data)
		if n <= 0 || length > uint64(len(data)-n) {
			return nil, damaged()
		}
		content := data[n : n+int(length) : n+int(length)]
		data = data[n+int(length):]
		records = append(records, LogRecord{
			Sequence: c.FirstSequence + int64(len(records)), Content: content, Step: c.Step,
			Stream: [...]LogStream{StreamStdout, StreamStderr, StreamSystem}[head&^partialBit],
			Time:   c.At.Add(time.Duration(after) * time.Microsecond), Partial: head&partialBit != 0,
		})
	}
	if len(records) != c.Count {
		return nil, damaged()
	}
	return records, nil
}
