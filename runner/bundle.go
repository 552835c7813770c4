package runner

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// maxBundleFiles bounds what one zip holds.
const maxBundleFiles = 100_000

// zipBundle packs a folder into a file without a name. Equal folders give equal bytes.
func (b *build) zipBundle(ctx context.Context, root *os.Root, dir string) (file *os.File, notes []string, err error) {
	file, err = os.CreateTemp(b.pool.workspaces(), "bundle-*")
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
		}
	}()
	if err := os.Remove(file.Name()); err != nil {
		return nil, nil, err
	}
	z := &bundler{ctx: ctx, root: root, dir: dir, zip: zip.NewWriter(file)}
	if err := fs.WalkDir(root.FS(), dir, z.add); err != nil {
		return nil, nil, err
	}
	return file, z.notes, z.zip.Close()
}

// bundler writes a folder into a zip, in the order of its names.
type bundler struct {
	ctx   context.Context
	root  *os.Root
	dir   string
	zip   *zip.Writer
	files int
	bytes int64 // unpacked
	notes []string
}

// bundleTime stands for every time in a zip: times differ where content does not.
func bundleTime() time.Time { return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC) }

func (z *bundler) add(name string, e fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	if z.ctx.Err() != nil {
		return context.Cause(z.ctx)
	}
	if z.files++; z.files > maxBundleFiles {
		return fmt.Errorf("it holds more than %d files", maxBundleFiles)
	}
	header := &zip.FileHeader{
		Name: path.Join(path.Base(z.dir), strings.TrimPrefix(name, z.dir)), Method: zip.Deflate, Modified: bundleTime(),
	}
	switch {
	case e.IsDir():
		header.Name += "/"
		header.Method = zip.Store
		header.SetMode(fs.ModeDir | 0o755)
		_, err = z.zip.CreateHeader(header)
		return err
	case e.Type() == fs.ModeSymlink:
		return z.link(header, name)
	case e.Type().IsRegular():
		return z.file(header, name, e)
	}
	z.notes = append(z.notes, fmt.Sprintf("%s is no plain file and is left out.", name))
	return nil
}

// link keeps a link that leads to somewhere in the bundle, as frameworks have them.
func (z *bundler) link(header *zip.FileHeader, name string) error {
	target, err := z.root.Readlink(name)
	if err != nil {
		return err
	}
	leads := path.Join(path.Dir(name), target)
	if path.IsAbs(target) || leads != z.dir && !strings.HasPrefix(leads, z.dir+"/") {
		z.notes = append(z.notes, fmt.Sprintf("%s is a link that leads out of the bundle and is left out.", name))
		return nil
	}
	header.Method = zip.Store
	header.SetMode(fs.ModeSymlink | 0o777)
	w, err := z.zip.CreateHeader(header)
	if err == nil {
		_, err = io.WriteString(w, target)
	}
	return err
}

func (z *bundler) file(header *zip.FileHeader, name string, e fs.DirEntry) error {
	info, err := e.Info()
	if err != nil {
		return err
	}
	file, err := openRegular(z.root, name, info)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	header.SetMode(0o644 | info.Mode().Perm()&0o111)
	w, err := z.zip.CreateHeader(header)
	if err != nil {
		return err
	}
	n, err := io.Copy(w, io.LimitReader(reader{z.ctx, file}, core.MaxArtifactSize-z.bytes+1))
	if z.bytes += n; err == nil && z.bytes > core.MaxArtifactSize {
		err = errors.New("it holds more than 4 GiB, the most that an artifact may have")
	}
	return err
}
