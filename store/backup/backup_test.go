package backup

import (
	"bytes"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func header() Header {
	return Header{Oore: "1.2.3", CreatedAt: time.Unix(7, 0).UTC(), Database: "sqlite", Schema: []int{1, 3}, KeyID: "cafe", Key: []byte("key"), Artifacts: true}
}

type row struct {
	table   string
	columns []string
	values  []any
}

func rows() []row {
	columns := []string{"id", "n", "yes", "data", "nothing"}
	return []row{
		{"builds", columns, []any{"a <b> \x00 \u2028 \uFFFD 'ü'", int64(-1 << 63), true, []byte("text \x00\n"), nil}},
		{"builds", columns, []any{"", int64(1<<63 - 1), false, []byte{0xff, 0xfe, 0}, nil}},
		{"builds", columns, []any{strings.Repeat("long\n", 100_000), int64(0), false, []byte{}, nil}},
		{"empty", []string{"only"}, []any{nil}},
	}
}

func write(t testing.TB, more ...row) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := NewWriter(&file, header())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range append(rows(), more...) {
		if err := w.Row(r.table, r.columns, r.values); err != nil {
			t.Fatal(err)
		}
	}
	for _, blob := range []string{"", "[\n", strings.Repeat("\x00\xff\n", 300_000)} {
		if err := w.Blob("sum", int64(len(blob)), strings.NewReader(blob)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func openBytes(file []byte) (*Backup, error) {
	return Open(bytes.NewReader(file), int64(len(file)))
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	b, err := openBytes(write(t))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(b.Header, header()) {
		t.Errorf("header %+v", b.Header)
	}
	for range 2 { // a backup can be read again
		var found []row
		var blobs []int
		err := b.Read(Contents{
			Row: func(table string, columns []string, values []any) error {
				found = append(found, row{table, columns, values})
				return nil
			},
			Blob: func(_ string, size int64, r io.Reader) error {
				data, err := io.ReadAll(r)
				blobs = append(blobs, len(data))
				if int64(len(data)) != size {
					t.Errorf("a blob of %d bytes has %d", size, len(data))
				}
				return err
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(found, rows()) || !slices.Equal(blobs, []int{0, 2, 900_000}) {
			t.Errorf("blobs %v, rows %.2000v", blobs, found)
		}
	}
	left := 0
	err = b.Read(Contents{Blob: func(string, int64, io.Reader) error { left++; return nil }}) // nothing is read
	if err != nil || left != 3 {
		t.Errorf("%d blobs, %v", left, err)
	}
	if err := b.Read(Contents{}); err != nil {
		t.Error(err)
	}
}

func TestWhatNoBackupHoldsIsNotWritten(t *testing.T) {
	w, err := NewWriter(io.Discard, header())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Row("builds", []string{"at"}, []any{time.Now()}); err == nil || !strings.Contains(err.Error(), "builds.at") {
		t.Error(err)
	}
	short, err := NewWriter(io.Discard, header())
	if err != nil {
		t.Fatal(err)
	}
	if err := short.Blob("sum", 5, strings.NewReader("four")); err == nil {
		t.Error("a blob that is too short was written")
	}
	if err := short.Close(); err == nil {
		t.Error("the backup was closed as if it were whole")
	}
}

// Every bit is covered, and every length.
func TestADamagedFileIsRefused(t *testing.T) {
	var small bytes.Buffer
	w, err := NewWriter(&small, header())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Row("t", []string{"a"}, []any{"b"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	whole := small.Bytes()
	for bit := range len(whole) * 8 {
		file := slices.Clone(whole)
		file[bit/8] ^= 1 << (bit % 8)
		if _, err := openBytes(file); err == nil {
			t.Errorf("bit %d was flipped, and nobody saw it", bit)
		}
	}
	for size := range len(whole) {
		_, err := openBytes(whole[:size])
		if err == nil || size > len(magic) && !strings.Contains(err.Error(), "cut short") {
			t.Errorf("cut after %d bytes: %v", size, err)
		}
	}
	for text, want := range map[string]string{
		"no backup": "no backup of Oore", "": "cut short", strings.Repeat("another file ", 30): "no backup of Oore",
	} {
		if _, err := openBytes([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// FuzzRead looks for lines that end the reader. Their SHA-256 is right.
func FuzzRead(f *testing.F) {
	f.Add([]byte("{\"table\":\"t\",\"columns\":[\"a\"]}\n[{\"text\":\"x\"}]\n[null]\n{\"blob\":\"s\",\"size\":3}\nabc"))
	f.Add([]byte("[1]\n"))
	f.Add([]byte("{\"blob\":\"s\",\"size\":-1}\n"))
	f.Add([]byte("{\"table\":\"t\",\"columns\":[\"a\"]}\n[[]]\n[1e99]\n[{}]"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var file bytes.Buffer
		w, err := NewWriter(&file, header())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.packed.Write(body); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		b, err := openBytes(file.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		_ = b.Read(Contents{
			Row: func(_ string, columns []string, values []any) error {
				if len(columns) != len(values) {
					t.Errorf("%d values for %d columns", len(values), len(columns))
				}
				for _, value := range values {
					switch value.(type) {
					case nil, bool, int64, string, []byte:
					default:
						t.Errorf("a value is a %T", value)
					}
				}
				return nil
			},
			Blob: func(_ string, size int64, r io.Reader) error {
				n, err := io.Copy(io.Discard, r)
				if n > size {
					t.Errorf("%d bytes of %d", n, size)
				}
				return err
			},
		})
	})
}
