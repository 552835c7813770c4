package runner

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/oore-ci/oore/app/core"
)

const (
	// maxCacheWindow is what decoding an archive may take of memory; ours take less.
	maxCacheWindow = 64 << 20
	// maxCacheName is the longest path, and target of a link, in bytes.
	maxCacheName = 4096
	// maxCacheTail is what may follow the last file: the padding of a tar.
	maxCacheTail = 1 << 20
)

// damage is what is wrong with an archive.
type damage struct{ what string }

func (d *damage) Error() string { return d.what }

func damagef(format string, args ...any) error { return &damage{fmt.Sprintf(format, args...)} }

// unpacker puts an archive's files where they were. It writes to stages first, so that
// an archive that turns out to be damaged leaves nothing; it believes nothing of what
// the archive says; and it leaves what is there as it is.
type unpacker struct {
	cacheReport
	ctx    context.Context
	call   cacheCall
	stages []*stage
	count  int
	buf    []byte
}

// unpack reads an archive of pack. It tells damage from trouble of this machine. The
// umask is for the caller to set.
func unpack(ctx context.Context, r io.Reader, call cacheCall) (cacheReport, error) {
	u := &unpacker{ctx: ctx, call: call, buf: make([]byte, 256<<10)}
	for _, g := range grounds(call.Paths, call.Workspace, call.Home) {
		u.stages = append(u.stages, &stage{ground: g})
	}
	err := u.readAll(r)
	for _, s := range u.stages {
		if err == nil && s.in != nil {
			err = s.finish()
		}
	}
	for _, s := range u.stages {
		if err == nil && s.in != nil {
			err = s.place(&u.cacheReport)
		}
		err = errors.Join(err, s.clear())
	}
	var d *damage
	u.Damaged = errors.As(err, &d)
	return u.cacheReport, err
}

// source tells what went wrong with reading from what went wrong with writing.
type source struct {
	reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

func (u *unpacker) readAll(r io.Reader) error {
	z, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxCacheWindow))
	if err != nil {
		return err
	}
	defer z.Close()
	archive := &source{reader: reader{u.ctx, z}}
	t := tar.NewReader(archive)
	for {
		h, err := t.Next()
		switch {
		case u.ctx.Err() != nil:
			return context.Cause(u.ctx)
		case errors.Is(err, io.EOF):
			return u.readTail(archive)
		case err != nil:
			return damagef("the archive ends early or is damaged: %v", err)
		}
		if err := u.member(h, t); err != nil {
			if archive.err != nil && u.ctx.Err() == nil {
				err = damagef("the archive ends early or is damaged: %v", archive.err)
			}
			return fmt.Errorf("%.200q: %w", h.Name, err)
		}
	}
}

// readTail goes on to the end, where the checksum is.
func (u *unpacker) readTail(archive *source) error {
	n, err := io.Copy(io.Discard, io.LimitReader(archive, maxCacheTail))
	switch {
	case u.ctx.Err() != nil:
		return context.Cause(u.ctx)
	case err != nil:
		return damagef("the archive ends early or is damaged: %v", err)
	case u.count == 0:
		return damagef("the archive is empty")
	case n == maxCacheTail:
		return damagef("the archive goes on after its end")
	}
	return nil
}

// member unpacks one file, folder or link.
func (u *unpacker) member(h *tar.Header, r io.Reader) error {
	if len(h.Name) > maxCacheName || len(h.Linkname) > maxCacheName {
		return damagef("its name or target is too long")
	}
	u.count++
	s, name, top, err := u.locate(strings.TrimSuffix(h.Name, "/"))
	if err != nil {
		return err
	}
	if err := s.open(); err != nil {
		return err
	}
	if max(u.count, len(s.folders)) > u.call.MaxFiles { // folders need not be members
		return damagef("the archive has more than %d files", u.call.MaxFiles)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return s.addFolder(name, h)
	case tar.TypeReg:
		if u.Bytes += h.Size; u.Bytes > u.call.MaxBytes {
			return damagef("the archive has more than %s", core.HumanSize(u.call.MaxBytes))
		}
		u.Files++
		return s.addFile(name, h, r, u.buf)
	case tar.TypeSymlink:
		if !staysIn(top, name, h.Linkname) {
			return damagef("the link leads out of %s", s.says(top))
		}
		u.Files++
		s.links = append(s.links, link{name, h.Linkname})
		return nil
	}
	return damagef("it is neither file nor folder nor link, but %q", h.Typeflag)
}

// locate finds the ground of a name and its path there.
func (u *unpacker) locate(full string) (s *stage, name, top string, err error) {
	for _, s := range u.stages {
		name, ok := strings.CutPrefix(full, s.name+"/")
		if !ok {
			continue
		}
		if path.Clean("/"+name) != "/"+name || strings.ContainsRune(name, 0) {
			break
		}
		if top, ok := s.top(name); ok {
			return s, name, top, nil
		}
	}
	return nil, "", "", damagef("it lies outside of the paths of this cache")
}
