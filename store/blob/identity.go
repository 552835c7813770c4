package blob

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// identityFile tells folders apart: a folder that two machines share has one, under
// whatever path they see it.
const identityFile = "identity"

// Identity is core.BlobStore's.
func (l *Local) Identity() (string, error) {
	name := filepath.Join(l.dir, identityFile)
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := l.identify(name); err != nil {
			return "", unavailable(err)
		}
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return "", unavailable(err)
	}
	return "folder " + strings.TrimSpace(string(data)), nil
}

// identify gives the folder its identity, whole, once and durably: a server that finds
// another after a power cut would be turned away by those that know the first.
func (l *Local) identify(name string) error {
	temp := filepath.Join(l.tmp(), "put-"+rand.Text())
	if err := writeDurably(temp, rand.Text()+"\n"); err != nil {
		return err
	}
	err := os.Link(temp, name)
	if err == nil || errors.Is(err, fs.ErrExist) { // another server was faster
		err = os.Remove(temp)
	} else {
		err = os.Rename(temp, name) // a disk without hard links, as exFAT
	}
	if err != nil {
		return err
	}
	return syncDir(l.dir)
}

func writeDurably(name, text string) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// Identity is core.BlobStore's.
func (s *S3) Identity() (string, error) {
	return "s3://" + path.Join(s.config.Bucket, s.config.Prefix) + " at " + s.config.Endpoint, nil
}
