package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/oore-ci/oore/app/core"
)

// Sweep is core.BlobStore's.
func (s *S3) Sweep(ctx context.Context, t time.Time, unwanted func(ctx context.Context, sums []string) ([]string, error)) (deleted int, err error) {
	s.sweepSpool(t)
	ahead, err := s.ahead(ctx)
	if err != nil {
		return 0, err
	}
	t = t.Add(ahead)
	uploads := s.sweepUploads(ctx, t) // where that cannot be, the rest goes all the same
	deleted, err = s.sweepObjects(ctx, t, unwanted)
	return deleted, errors.Join(err, uploads)
}

func (s *S3) sweepObjects(ctx context.Context, t time.Time, unwanted func(ctx context.Context, sums []string) ([]string, error)) (deleted int, err error) {
	var old []string
	ask := func() error {
		sums, err := unwanted(ctx, old)
		old = old[:0]
		for _, sum := range sums {
			if err != nil {
				return err
			}
			var gone bool
			if gone, err = s.deleteOld(ctx, sum, t); gone {
				deleted++
			}
		}
		return err
	}
	listing, stop := context.WithCancel(ctx)
	defer stop()
	for object := range s.client.ListObjects(listing, s.config.Bucket, minio.ListObjectsOptions{Prefix: s.prefix(), Recursive: true}) {
		if object.Err != nil {
			return deleted, s3Unavailable(object.Err)
		}
		sum := path.Base(object.Key)
		if object.Key == s.clockKey(sum) && object.LastModified.Before(t) { // of a server that was killed
			if err := s.client.RemoveObject(ctx, s.config.Bucket, object.Key, minio.RemoveObjectOptions{}); err != nil {
				return deleted, s3Unavailable(err)
			}
		}
		if core.ValidSHA256(sum) && object.Key == s.key(sum) && object.LastModified.Before(t) {
			old = append(old, sum)
		}
		if len(old) == sweepBatch {
			if err := ask(); err != nil {
				return deleted, err
			}
		}
	}
	if len(old) == 0 {
		return deleted, nil
	}
	return deleted, ask()
}

// clockKey is that of what asks the bucket for its time.
func (s *S3) clockKey(name string) string { return path.Join(s.config.Prefix, "clock", name) }

// ahead is how far the bucket's clock, which dates what lies there, is ahead of ours.
func (s *S3) ahead(ctx context.Context) (time.Duration, error) {
	b, key := s.config.Bucket, s.clockKey(rand.Text())
	asked := time.Now()
	_, err := s.client.PutObject(ctx, b, key, strings.NewReader(""), 0, minio.PutObjectOptions{})
	if err != nil {
		return 0, s3Unavailable(err)
	}
	info, err := s.client.StatObject(ctx, b, key, minio.StatObjectOptions{})
	if removed := s.client.RemoveObject(context.WithoutCancel(ctx), b, key, minio.RemoveObjectOptions{}); err == nil {
		err = removed
	}
	if err != nil {
		return 0, s3Unavailable(err)
	}
	return info.LastModified.Sub(asked), nil
}

// sweepUploads ends what a server that was killed has sent in part: nobody sees it, and the
// bucket keeps it for ever. Where we may not, a rule of the bucket has to do it.
func (s *S3) sweepUploads(ctx context.Context, t time.Time) error {
	listing, stop := context.WithCancel(ctx)
	found := s.client.ListIncompleteUploads(listing, s.config.Bucket, s.prefix(), true)
	defer func() {
		stop()
		for range found { // its last word waits for a reader
			continue
		}
	}()
	for upload := range found {
		err := upload.Err
		sum := path.Base(upload.Key)
		if err == nil && core.ValidSHA256(sum) && upload.Key == s.key(sum) && upload.Initiated.Before(t) {
			err = minio.Core{Client: s.client}.AbortMultipartUpload(ctx, s.config.Bucket, upload.Key, upload.UploadID)
		}
		switch minio.ToErrorResponse(err).Code {
		case minio.NoSuchUpload:
			continue // another server was faster
		case minio.AccessDenied, minio.NotImplemented, minio.MethodNotAllowed:
			return nil
		}
		if err != nil {
			return s3Unavailable(err)
		}
	}
	return nil
}

// prefix is that of all keys, with its slash.
func (s *S3) prefix() string {
	if s.config.Prefix == "" {
		return ""
	}
	return s.config.Prefix + "/"
}

// deleteOld deletes a blob unless it was put again. Its marker lets a Put of the same
// content that goes on meanwhile look again.
func (s *S3) deleteOld(ctx context.Context, sum string, t time.Time) (gone bool, err error) {
	b, marker := s.config.Bucket, s.marker(sum, rand.Text())
	ctx, cancel := context.WithTimeout(ctx, markerLife/2) // a deletion that comes later than that nobody looks for
	defer cancel()
	if _, err = s.client.PutObject(ctx, b, marker, strings.NewReader(""), 0, minio.PutObjectOptions{}); err != nil {
		return false, s3Unavailable(err)
	}
	info, err := s.client.StatObject(ctx, b, s.key(sum), minio.StatObjectOptions{})
	if err == nil && info.LastModified.Before(t) {
		err = s.client.RemoveObject(ctx, b, s.key(sum), minio.RemoveObjectOptions{})
		gone = err == nil
	}
	if err != nil && missing(err) {
		err = nil
	}
	if removed := s.client.RemoveObject(context.WithoutCancel(ctx), b, marker, minio.RemoveObjectOptions{}); err == nil {
		err = removed
	}
	if err != nil {
		return gone, s3Unavailable(err)
	}
	return gone, nil
}

// sweepSpool removes what a killed server left on its way.
func (s *S3) sweepSpool(t time.Time) {
	left, err := filepath.Glob(filepath.Join(s.spool, "put-*"))
	if err != nil {
		return
	}
	for _, file := range left {
		if info, err := os.Stat(file); err == nil && info.ModTime().Before(t) {
			_ = os.Remove(file)
		}
	}
}
