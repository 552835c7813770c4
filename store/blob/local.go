// Package blob keeps bytes under their SHA-256. It knows no artifact and no rule of
// the house: what may go is for its caller to say.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/oore-ci/oore/app/core"
)

var _ core.BlobStore = (*Local)(nil)

// Local keeps blobs in a folder: <first two digits>/<sha256>, and what is being
// written in tmp. Several processes may share it.
type Local struct{ dir string }

// NewLocal makes the folder, which must be an absolute path, if it is not there.
func NewLocal(dir string) (*Local, error) {
	if !filepath.IsAbs(dir) {
		return nil, fmt.Errorf("the folder for blobs, %s, is no absolute path", dir)
	}
	l := &Local{dir: filepath.Clean(dir)}
	if err := os.MkdirAll(l.tmp(), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for blobs: %w", err)
	}
	return l, nil
}

// LocalAt is the folder as it is: nothing is made, and where it is not there nothing can be
// stored.
func LocalAt(dir string) *Local { return &Local{dir: filepath.Clean(dir)} }

// Made tells whether NewLocal has ever made the folder, or it is a copy of such a one, which
// may lack what is empty.
func (l *Local) Made() bool {
	for _, part := range []string{l.tmp(), filepath.Join(l.dir, identityFile)} {
		if _, err := os.Stat(part); err == nil {
			return true
		}
	}
	return false
}

func (l *Local) tmp() string { return filepath.Join(l.dir, "tmp") }

func (l *Local) path(sum string) string { return filepath.Join(l.dir, sum[:2], sum) }

func unavailable(err error) error {
	return core.Errorf(core.KindUnavailable, "Artifacts and ended logs cannot be stored or read; check disk and permissions of the server's blob folder").Because(err)
}

// Put is core.BlobStore's. It replaces equal content by itself, so that a Sweep that
// goes on meanwhile finds it new.
func (l *Local) Put(ctx context.Context, r io.Reader) (sum string, size int64, err error) {
	temp, err := os.CreateTemp(l.tmp(), "put-*")
	if err != nil {
		return "", 0, unavailable(err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}()
	sum, size, err = fill(ctx, temp, r)
	if closed := temp.Close(); err == nil && closed != nil {
		err = unavailable(closed)
	}
	core.CrashPoint("blob.written")
	if err == nil {
		err = l.settle(temp.Name(), sum)
	}
	core.CrashPoint("blob.settled")
	if err != nil {
		return "", 0, err
	}
	return sum, size, nil
}

// source remembers that it was the reader that failed, and stops with ctx.
type source struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (n int, err error) {
	if err = s.ctx.Err(); err == nil {
		n, err = s.r.Read(p)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

func fill(ctx context.Context, file *os.File, r io.Reader) (sum string, size int64, err error) {
	hash, from := sha256.New(), &source{ctx: ctx, r: r}
	size, err = io.Copy(io.MultiWriter(file, hash), from)
	if from.err != nil {
		return "", 0, from.err
	}
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		return "", 0, unavailable(err)
	}
	return hex.EncodeToString(hash.Sum(nil)), size, nil
}

// settle gives a written file its name, durably.
func (l *Local) settle(temp, sum string) error {
	now := time.Now() // its last byte may have been written long ago
	if err := os.Chtimes(temp, now, now); err != nil {
		return unavailable(err)
	}
	shard := filepath.Dir(l.path(sum))
	err := os.Mkdir(shard, 0o700)
	if err == nil {
		err = syncDir(l.dir)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return unavailable(err)
	}
	if err := os.Rename(temp, l.path(sum)); err != nil {
		return unavailable(err)
	}
	if err := syncDir(shard); err != nil {
		return unavailable(err)
	}
	return nil
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Open is core.BlobStore's.
func (l *Local) Open(_ context.Context, sum string) (io.ReadSeekCloser, error) {
	if !core.ValidSHA256(sum) {
		return nil, core.Errorf(core.KindNotFound, "Blob not found")
	}
	file, err := os.Open(l.path(sum))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, core.Errorf(core.KindNotFound, "Blob not found")
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return file, nil
}

// Ready is core.BlobStore's: it writes a file and removes it. The file is not empty, for
// which a full disk has room.
func (l *Local) Ready(context.Context) error {
	file, err := os.CreateTemp(l.tmp(), "ready-*")
	if err != nil {
		return unavailable(err)
	}
	_, err = file.Write(make([]byte, 4<<10))
	if err := errors.Join(err, file.Close(), os.Remove(file.Name())); err != nil {
		return unavailable(err)
	}
	return nil
}
