package core

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
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
	err := c.Each(func(r LogRecord) { records = append(records, r) })
	if err != nil {
		return nil, err
	}
	return records, nil
}

// Each is Records one by one, for who keeps few of them. After an error, those that
// it gave are none.
func (c LogChunk) Each(f func(LogRecord)) error {
	data, seen := c.Data, 0
	damaged := func() error {
		return fmt.Errorf("log chunk %d of build %s is damaged after %d records", c.FirstSequence, c.BuildID, seen)
	}
	for len(data) > 0 {
		head := data[0]
		after, n := binary.Varint(data[1:])
		if n <= 0 || head&^partialBit > 2 {
			return damaged()
		}
		data = data[1+n:]
		length, n := binary.Uvarint(data)
		if n <= 0 || length > uint64(len(data)-n) {
			return damaged()
		}
		content := data[n : n+int(length) : n+int(length)]
		data = data[n+int(length):]
		f(LogRecord{
			Sequence: c.FirstSequence + int64(seen), Content: content, Step: c.Step,
			Stream: [...]LogStream{StreamStdout, StreamStderr, StreamSystem}[head&^partialBit],
			Time:   c.At.Add(time.Duration(after) * time.Microsecond), Partial: head&partialBit != 0,
		})
		seen++
	}
	if seen != c.Count {
		return damaged()
	}
	return nil
}

// LogTally sums up what a runner shipped of a log, so that what is kept can be compared.
type LogTally struct {
	From   int64  `json:"from"`   // the sequence of its first record
	Next   int64  `json:"next"`   // the sequence after its last
	Bytes  int64  `json:"bytes"`  // of the chunks' data
	CRC32C uint32 `json:"crc32c"` // of that data, chunk after chunk
}

// Add counts the chunk that comes next.
func (t *LogTally) Add(c LogChunk) {
	t.Next, t.Bytes = c.Next(), t.Bytes+int64(len(c.Data))
	t.CRC32C = crc32.Update(t.CRC32C, crc32.MakeTable(crc32.Castagnoli), c.Data)
}

// LogObject is an ended build's log as one blob: all its chunks. The zero value but
// for its build is an empty log, which needs no blob.
type LogObject struct {
	BuildID string
	SHA256  string
	Size    int64 // of the blob, in bytes
	Next    int64 // the sequence after its last record
}

// LogExtent tells how long a build's log is and where it lies.
type LogExtent struct {
	Next   int64      // the sequence of the next record: 0 for an empty log
	Object *LogObject // nil: its chunks are in the LogStore
	// DeletedAt is when retention ended the log; nil: it is kept.
	DeletedAt *time.Time
}

// LogStore keeps logs while a build lives, and until they are archived.
type LogStore interface {
	// AppendLog stores chunks of one build, in order, if lease is the build's token
	// (KindConflict, lease_lost, otherwise). A chunk that is there already is skipped;
	// one that would leave a gap is KindConflict, code log_gap.
	AppendLog(ctx context.Context, lease string, chunks []LogChunk) error
	// ReadLog returns stored chunks that hold records after the sequence, in order,
	// until maxBytes of data are gathered (at least one chunk if there is one). Of a log
	// that is archived meanwhile some or all may be missing: a FindLog that comes after
	// it and names no object says that none is.
	ReadLog(ctx context.Context, buildID string, after int64, maxBytes int) ([]LogChunk, error)
	// FindLog returns the log's extent as of one moment; an unknown build's is zero.
	FindLog(ctx context.Context, buildID string) (LogExtent, error)

	// TakeEndedLog takes a build that ended before endedBefore, whose lease is gone and
	// whose chunks are still in the store, by putting it off until then: nobody else
	// gets it before that. None: KindNotFound.
	TakeEndedLog(ctx context.Context, endedBefore, now, until time.Time) (buildID string, err error)
	// PutOffLog puts one that is still to be archived off until t.
	PutOffLog(ctx context.Context, buildID string, t time.Time) error
	// ArchiveLog makes the object the log of its build, which must have ended and let go
	// of its lease, and deletes chunks, in one transaction; more: it left some, since
	// nobody shall wait long for it, so call it again. KindConflict when the object does
	// not end where the chunks do, or another one is the build's log already.
	ArchiveLog(ctx context.Context, o LogObject) (more bool, err error)
}

// LogArchive keeps logs of ended builds in a BlobStore. It is safe for concurrent use.
// Storage that cannot be reached is KindUnavailable, and so is an object that is not
// there or is damaged, which its message says.
type LogArchive interface {
	// Pack stores the chunks that next gives, in order from sequence 0 until it gives
	// none, as one object, and has read it back when it returns. No two objects are equal.
	Pack(ctx context.Context, buildID string, next func() ([]LogChunk, error)) (LogObject, error)
	// Read returns the chunks that hold records from a sequence to before another, in
	// order, until maxBytes of data are gathered (at least one chunk if there is one).
	// They are shared with other readers: do not change them.
	Read(ctx context.Context, o LogObject, from, before int64, maxBytes int) ([]LogChunk, error)
}
