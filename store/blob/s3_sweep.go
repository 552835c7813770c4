package blob

import (
	"context"
	"crypto/rand"
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
	prefix := s.config.Prefix
	if prefix != "" {
		prefix += "/"
	}
	listing, stop := context.WithCancel(ctx)
	defer stop()
	for object := range s.client.ListObjects(listing, s.config.Bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if object.Err != nil {
			return deleted, s3Unavailable(object.Err)
		}
		sum := path.Base(object.Key)
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

// deleteOld deletes a blob unless it was put again. Its marker lets a Put of the same
// content that goes on meanwhile look again.
func (s *S3) deleteOld(ctx context.Context, sum string, t time.Time) (gone bool, err error) {
	b, marker := s.config.Bucket, s.marker(sum, rand.Text())
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
