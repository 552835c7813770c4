package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7"
)

const (
	ownerFile = "owner"
	ownerMost = 1 << 10 // bytes
)

// Owner is core.BlobStore's.
func (l *Local) Owner(context.Context) (string, error) {
	text, err := os.ReadFile(filepath.Join(l.dir, ownerFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", unavailable(err)
	}
	return string(text), nil
}

// SetOwner is core.BlobStore's.
func (l *Local) SetOwner(_ context.Context, owner string) error {
	temp := filepath.Join(l.tmp(), "put-"+rand.Text())
	err := writeDurably(temp, owner)
	if err == nil {
		err = os.Rename(temp, filepath.Join(l.dir, ownerFile))
	}
	if err == nil {
		err = syncDir(l.dir)
	}
	if err != nil {
		_ = os.Remove(temp)
		return unavailable(err)
	}
	return nil
}

func (s *S3) ownerKey() string { return path.Join(s.config.Prefix, ownerFile) }

// Owner is core.BlobStore's.
func (s *S3) Owner(ctx context.Context) (string, error) {
	object, err := s.client.GetObject(ctx, s.config.Bucket, s.ownerKey(), minio.GetObjectOptions{})
	if err != nil {
		return "", s3Unavailable(err)
	}
	defer object.Close()
	text, err := io.ReadAll(io.LimitReader(object, ownerMost))
	if err != nil && missing(err) {
		return "", nil
	}
	if err != nil {
		return "", s3Unavailable(err)
	}
	return string(text), nil
}

// SetOwner is core.BlobStore's.
func (s *S3) SetOwner(ctx context.Context, owner string) error {
	_, err := s.client.PutObject(ctx, s.config.Bucket, s.ownerKey(), strings.NewReader(owner), int64(len(owner)), minio.PutObjectOptions{SendContentMd5: true})
	if err != nil {
		return s3Unavailable(err)
	}
	return nil
}
