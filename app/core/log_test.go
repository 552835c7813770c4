package core

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

func TestALogChunkGivesBackItsRecords(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
	records := []LogRecord{
		{Sequence: 41, Content: []byte("hello"), Stream: StreamStdout, Step: "build-1", Time: at},
		{Sequence: 42, Content: []byte{}, Stream: StreamStderr, Step: "build-1", Time: at.Add(time.Microsecond)},
		{Sequence: 43, Content: bytes.Repeat([]byte{0xff, '\n', 0}, MaxLogLine/3), Stream: StreamStdout, Step: "build-1", Time: at.Add(-time.Hour), Partial: true},
		{Sequence: 44, Content: []byte("own words"), Stream: StreamSystem, Step: "build-1", Time: at.Add(time.Hour)},
	}
	chunk := EncodeLog("b", records)
	if chunk.FirstSequence != 41 || chunk.Count != 4 || chunk.Next() != 45 || chunk.Step != "build-1" || !chunk.At.Equal(at) || chunk.BuildID != "b" {
		t.Errorf("chunk %+v", chunk)
	}
	got, err := chunk.Records()
	if err != nil || !reflect.DeepEqual(got, records) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, records)
	}
}

func TestRandomRecordsComeBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	streams := []LogStream{StreamStdout, StreamStderr, StreamSystem}
	for range 300 {
		at := time.UnixMicro(rng.Int64N(1 << 50)).UTC()
		var records []LogRecord
		for i := range 1 + rng.IntN(20) {
			content := make([]byte, rng.IntN(300))
			for j := range content {
				content[j] = byte(rng.Uint32())
			}
			records = append(records, LogRecord{
				Sequence: 1000 + int64(i), Content: content, Stream: streams[rng.IntN(3)], Step: "s",
				Time: at.Add(time.Duration(rng.Int64N(1e12)) * time.Microsecond), Partial: rng.IntN(2) == 0,
			})
		}
		records[0].Time = at
		got, err := EncodeLog("b", records).Records()
		if err != nil || !reflect.DeepEqual(got, records) {
			t.Fatalf("%v\n got %+v\nwant %+v", err, got, records)
		}
	}
}

func TestDamagedChunksAreErrors(t *testing.T) {
	good := EncodeLog("b", []LogRecord{
		{Content: []byte("one"), Stream: StreamStdout, Time: time.Unix(1, 0)},
		{Sequence: 1, Content: []byte("two"), Stream: StreamStdout, Time: time.Unix(2, 0)},
	})
	for cut := range good.Data {
		damaged := good
		damaged.Data = good.Data[:cut]
		if _, err := damaged.Records(); err == nil {
			t.Errorf("cut after %d of %d bytes, and nobody noticed", cut, len(good.Data))
		}
	}
	for _, count := range []int{-1, 0, 1, 3, 1 << 40} {
		damaged := good
		damaged.Count = count
		if _, err := damaged.Records(); err == nil {
			t.Errorf("a count of %d was believed", count)
		}
	}
	damaged := good
	damaged.Data = append([]byte{7}, good.Data[1:]...)
	if _, err := damaged.Records(); err == nil {
		t.Error("an unknown stream was believed")
	}
}

func FuzzLogRecords(f *testing.F) {
	f.Add(EncodeLog("b", []LogRecord{{Content: []byte("x"), Stream: StreamSystem, Time: time.Unix(1, 0), Partial: true}}).Data, 1)
	f.Add([]byte{0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, 1)
	f.Fuzz(func(t *testing.T, data []byte, count int) {
		chunk := LogChunk{BuildID: "b", FirstSequence: 5, Count: count, At: time.Unix(0, 0), Data: data}
		records, err := chunk.Records()
		if err != nil {
			return
		}
		if len(records) != count {
			t.Fatalf("%d records for a count of %d", len(records), count)
		}
		for i, r := range records {
			if r.Sequence != 5+int64(i) {
				t.Errorf("record %d has sequence %d", i, r.Sequence)
			}
		}
	})
}
