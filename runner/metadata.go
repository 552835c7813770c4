package runner

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/oore-ci/oore/app/core"
)

// What is read to find out what an artifact is. It was made by anybody's build, so
// everything has a bound.
const (
	maxManifest  = 4 << 20  // Android's, unpacked
	maxInfoPlist = 64 << 10 // Apple's; real ones have a tenth of it
	maxDirectory = 16 << 20 // of a zip: some 200,000 files
)

// describeFile notes what an APK, AAB or IPA says of itself.
func describeFile(file *os.File, a *core.Artifact) error {
	switch a.Kind {
	case core.ArtifactAPK, core.ArtifactAAB, core.ArtifactIPA:
	case core.ArtifactApp, core.ArtifactFile:
		return nil
	}
	archive, err := openArchive(file, a.Size)
	if err != nil {
		return err
	}
	switch a.Kind {
	case core.ArtifactAPK:
		return apkFormat().describe(archive, a)
	case core.ArtifactAAB:
		return aabFormat().describe(archive, a)
	case core.ArtifactIPA, core.ArtifactApp, core.ArtifactFile:
	}
	return describeIPA(archive, a)
}

// describeBundle notes what an application's folder says of itself.
func describeBundle(root *os.Root, dir string, a *core.Artifact) error {
	for _, name := range []string{path.Join(dir, "Contents", "Info.plist"), path.Join(dir, "Info.plist")} {
		info, err := root.Lstat(name)
		if err != nil {
			continue
		}
		file, err := openRegular(root, name, info)
		if err != nil {
			return err
		}
		data, err := readAtMost(file, maxInfoPlist)
		_ = file.Close()
		if err != nil {
			return err
		}
		_, err = noteInfoPlist(data, a)
		return err
	}
	return errors.New("it has no Info.plist")
}

func readAtMost(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("its description has more than %d bytes", limit)
	}
	return data, err
}

// openArchive reads a zip's directory, if that is of a sane size. APK, AAB and IPA
// know no zip64, so one that claims to be is not read.
func openArchive(file *os.File, size int64) (*zip.Reader, error) {
	const record = 22 // the end of the directory, without its comment
	end := make([]byte, min(size, record+1<<16))
	if _, err := file.ReadAt(end, size-int64(len(end))); err != nil {
		return nil, err
	}
	at := bytes.LastIndex(end, []byte("PK\x05\x06"))
	if at < 0 || len(end)-at < record {
		return nil, zip.ErrFormat
	}
	files := binary.LittleEndian.Uint16(end[at+10:])
	directory, offset := binary.LittleEndian.Uint32(end[at+12:]), binary.LittleEndian.Uint32(end[at+16:])
	if files == 1<<16-1 || directory > maxDirectory || offset == 1<<32-1 {
		return nil, errors.New("it holds too many files")
	}
	budget := &budgetReader{r: file, left: 2*maxDirectory + int64(len(end))}
	archive, err := zip.NewReader(budget, size)
	budget.left = size + maxDirectory // what is read from here on has bounds of its own
	return archive, err
}

// budgetReader reads no more than a budget.
type budgetReader struct {
	r    io.ReaderAt
	left int64
}

func (b *budgetReader) ReadAt(p []byte, off int64) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errors.New("its directory is too large")
	}
	return b.r.ReadAt(p, off)
}

// archiveFile unpacks a file.
func archiveFile(archive *zip.Reader, name string, limit int64) ([]byte, error) {
	for _, f := range archive.File {
		if f.Name == name {
			return unpacked(f, limit)
		}
	}
	return nil, fmt.Errorf("it has no %s", name)
}

func unpacked(f *zip.File, limit int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // it was only read
	return readAtMost(r, limit)
}
