package runner

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/oore-ci/oore/app/core"
)

// cacheCall is what is to be packed or unpacked.
type cacheCall struct {
	Paths     []string // as configured
	Workspace string
	Home      string
	MaxFiles  int   // with folders and links
	MaxBytes  int64 // of the files
}

// The most that an entry may hold.
const (
	maxCacheFiles = 1_000_000
	maxCacheBytes = 64 << 30
)

// cacheReport is what came of it.
type cacheReport struct {
	Files   int      // with links
	Bytes   int64    // of the files
	Stored  int64    // of the archive
	Kept    int      // files that were there before, and were left as they are
	LeftOut int      // links that lead out of their path, sockets and devices
	Missing []string // paths that are not there
	Damaged bool     // the archive is none of ours
	Error   string   // why it failed; empty: it did not
}

// packer writes a compressed archive of what is at the paths of a cache. It follows no
// link.
type packer struct {
	cacheReport
	ctx    context.Context
	call   cacheCall
	ground *ground
	tar    *tar.Writer
	count  int
	buf    []byte
}

// pack writes the archive. Whoever changes files meanwhile makes it fail.
func pack(ctx context.Context, w io.Writer, call cacheCall) (cacheReport, error) {
	counted := &counter{w: w}
	z, err := zstd.NewWriter(counted, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return cacheReport{}, err
	}
	p := &packer{ctx: ctx, call: call, tar: tar.NewWriter(z), buf: make([]byte, 256<<10)}
	for _, g := range grounds(call.Paths, call.Workspace, call.Home) {
		if err == nil {
			err = p.packGround(g)
		}
	}
	if err == nil {
		err = p.tar.Close()
	}
	err = errors.Join(err, z.Close())
	p.Stored = counted.n
	return p.cacheReport, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func (p *packer) packGround(g *ground) error {
	p.ground = g
	root, err := os.OpenRoot(g.dir)
	if errors.Is(err, fs.ErrNotExist) {
		p.miss(g.tops...)
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	tops, err := p.find(root, g.tops)
	if err != nil {
		return err
	}
	for _, top := range tops {
		if err := p.packTop(root, top); err != nil {
			return err
		}
	}
	return nil
}

func (p *packer) miss(tops ...string) {
	for _, top := range tops {
		p.Missing = append(p.Missing, p.ground.says(top))
	}
}

func (p *packer) packTop(root *os.Root, top string) error {
	if top == "." {
		return p.packFolder(root, ".", ".")
	}
	dir, err := root.OpenRoot(path.Dir(top))
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	return p.packOne(dir, top, top)
}

// packFolder packs all that is in the folder.
func (p *packer) packFolder(dir *os.Root, at, top string) error {
	list, err := listNames(dir)
	if err != nil {
		return fmt.Errorf("read the folder %s: %w", p.ground.says(at), err)
	}
	for _, base := range list {
		if at == "." && strings.HasPrefix(base, stagePrefix) {
			continue // another build's
		}
		if err := p.packOne(dir, path.Join(at, base), top); err != nil {
			return err
		}
	}
	return nil
}

// packOne packs what name, which lies in dir, is.
func (p *packer) packOne(dir *os.Root, name, top string) error {
	base := path.Base(name)
	info, err := dir.Lstat(base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was deleted just now
	}
	if err != nil {
		return err
	}
	h := &tar.Header{
		Name: p.ground.name + "/" + name, Mode: int64(info.Mode().Perm()), ModTime: info.ModTime(), Format: tar.FormatPAX,
	}
	switch {
	case info.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		if err := p.head(h); err != nil {
			return err
		}
		sub, err := dir.OpenRoot(base)
		if err != nil {
			return fmt.Errorf("open the folder %s: %w", p.ground.says(name), err)
		}
		defer func() { _ = sub.Close() }()
		return p.packFolder(sub, name, top)
	case info.Mode().IsRegular():
		h.Typeflag, h.Size = tar.TypeReg, info.Size()
		return p.packFile(dir, base, info, h)
	case info.Mode()&fs.ModeSymlink != 0:
		h.Typeflag = tar.TypeSymlink
		if h.Linkname, err = dir.Readlink(base); err != nil {
			return err
		}
		if staysIn(top, name, h.Linkname) {
			p.Files++
			return p.head(h)
		}
	}
	p.LeftOut++
	return nil
}

func (p *packer) packFile(dir *os.Root, base string, seen fs.FileInfo, h *tar.Header) error {
	f, err := openRegular(dir, base, seen)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if p.Bytes += h.Size; p.Bytes > p.call.MaxBytes {
		return fmt.Errorf("it has more than %s", core.HumanSize(p.call.MaxBytes))
	}
	if err := p.head(h); err != nil {
		return err
	}
	n, err := io.CopyBuffer(onlyWriter{p.tar}, io.LimitReader(reader{p.ctx, f}, h.Size), p.buf)
	if err == nil && n < h.Size {
		err = fmt.Errorf("%s became shorter while it was read", h.Name)
	}
	p.Files++
	return err
}

// onlyWriter keeps io.Copy to the buffer that it was given.
type onlyWriter struct{ io.Writer }

func (p *packer) head(h *tar.Header) error {
	if p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	if p.count++; p.count > p.call.MaxFiles {
		return fmt.Errorf("it has more than %d files", p.call.MaxFiles)
	}
	if len(h.Name) > maxCacheName {
		return fmt.Errorf("a path in it has more than %d bytes: %.200q", maxCacheName, h.Name)
	}
	return p.tar.WriteHeader(h)
}
