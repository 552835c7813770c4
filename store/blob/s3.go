package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/oore-ci/oore/app/core"
)

var _ core.BlobStore = (*S3)(nil)

// S3Config says where a bucket is.
type S3Config struct {
	Endpoint string // host, with a port if it has one
	Insecure bool   // HTTP
	Region   string
	Bucket   string
	Prefix   string // of all keys, without slashes at its ends; may be empty
	Direct   bool   // whoever may load a file is sent to the bucket for it
}

// ParseS3 reads s3://bucket/prefix?endpoint=https://host&region=…&downloads=direct.
func ParseS3(address string) (S3Config, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return S3Config{}, fmt.Errorf("%q is no s3://bucket?endpoint=https://host&region=name", address)
	}
	c := S3Config{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/"), Region: u.Query().Get("region"), Endpoint: "s3.amazonaws.com"}
	for name := range u.Query() {
		if name != "endpoint" && name != "region" && name != "downloads" {
			return S3Config{}, fmt.Errorf("s3://… takes endpoint, region and downloads, not %q; give keys by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", name)
		}
	}
	switch downloads := u.Query().Get("downloads"); downloads {
	case "":
	case "direct":
		c.Direct = true
	default:
		return S3Config{}, fmt.Errorf("downloads=%s: give direct, or leave it out", downloads)
	}
	if endpoint := u.Query().Get("endpoint"); endpoint != "" {
		e, err := url.Parse(endpoint)
		if err != nil || e.Scheme != "http" && e.Scheme != "https" || e.Host == "" || strings.Trim(e.Path, "/") != "" {
			return S3Config{}, fmt.Errorf("endpoint=%s is no http:// or https:// address of a host", endpoint)
		}
		c.Endpoint, c.Insecure = e.Host, e.Scheme == "http"
	}
	return c, nil
}

// S3 keeps blobs in a bucket: <prefix>/<first two digits>/<sha256>. Several processes
// may share it. A file is spooled to a local folder first, since its name is its hash.
type S3 struct {
	client *minio.Client
	config S3Config
	spool  string
}

// NewS3 returns a store on the bucket, which must be there. Keys are those of the
// environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), of ~/.aws/credentials, or of
// the machine's role. spool is made if it is not there.
func NewS3(c S3Config, spool string) (*S3, error) {
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for files on their way to S3: %w", err)
	}
	keys := credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{}})
	client, err := minio.New(c.Endpoint, &minio.Options{Creds: keys, Secure: !c.Insecure, Region: c.Region})
	if err != nil {
		return nil, fmt.Errorf("use the bucket %s: %w", c.Bucket, err)
	}
	return &S3{client: client, config: c, spool: spool}, nil
}

func (s *S3) key(sum string) string { return path.Join(s.config.Prefix, sum[:2], sum) }

// marker is there while the sweep of that name may delete the blob. Each sweep has its
// own: what one server takes away must not hide that another still is at it.
func (s *S3) marker(sum, sweep string) string {
	return path.Join(s.config.Prefix, "sweeping", sum, sweep)
}

func s3Unavailable(err error) error {
	return core.Errorf(core.KindUnavailable, "Artifacts and ended logs cannot be stored or read; check the S3 bucket, its keys and the network").Because(err)
}

func missing(err error) bool {
	code := minio.ToErrorResponse(err).Code
	return code == minio.NoSuchKey || code == "NotFound"
}

// Put is core.BlobStore's. Large files go in parts, each of which is tried again.
func (s *S3) Put(ctx context.Context, r io.Reader) (sum string, size int64, err error) {
	file, err := os.CreateTemp(s.spool, "put-*")
	if err != nil {
		return "", 0, unavailable(err)
	}
	defer func() { _ = os.Remove(file.Name()) }()
	defer file.Close()
	hash, from := sha256.New(), &source{ctx: ctx, r: r}
	size, err = io.Copy(io.MultiWriter(file, hash), from)
	if from.err != nil {
		return "", 0, from.err
	}
	if err != nil {
		return "", 0, unavailable(err)
	}
	sum = hex.EncodeToString(hash.Sum(nil))
	for {
		if _, err = file.Seek(0, io.SeekStart); err == nil {
			_, err = s.client.PutObject(ctx, s.config.Bucket, s.key(sum), io.NewSectionReader(file, 0, size), size, minio.PutObjectOptions{SendContentMd5: true})
		}
		if err != nil {
			return "", 0, s3Unavailable(err)
		}
		kept, err := s.settled(ctx, sum)
		if err != nil {
			return "", 0, err
		}
		if kept {
			return sum, size, nil
		}
	}
}

// settled waits until no sweep is at the blob and tells whether it is still there.
func (s *S3) settled(ctx context.Context, sum string) (bool, error) {
	var ahead *time.Duration // of our clock is the bucket's; nil: nobody has looked
	for {
		swept, err := s.swept(ctx, sum, &ahead)
		if err != nil {
			return false, err
		}
		if !swept {
			break
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(markerPause):
		}
	}
	_, err := s.client.StatObject(ctx, s.config.Bucket, s.key(sum), minio.StatObjectOptions{})
	if err != nil && !missing(err) {
		return false, s3Unavailable(err)
	}
	return err == nil, nil
}

// swept tells whether a sweep is at the blob. A marker's age is told by the clock that
// has dated it.
func (s *S3) swept(ctx context.Context, sum string, ahead **time.Duration) (bool, error) {
	listing, stop := context.WithCancel(ctx)
	defer stop()
	for marker := range s.client.ListObjects(listing, s.config.Bucket, minio.ListObjectsOptions{Prefix: s.marker(sum, "") + "/", Recursive: true}) {
		if marker.Err != nil {
			return false, s3Unavailable(marker.Err)
		}
		if *ahead == nil {
			d, err := s.ahead(ctx)
			if err != nil {
				return false, err
			}
			*ahead = &d
		}
		if time.Since(marker.LastModified.Add(-**ahead)) <= markerLife {
			return true, nil
		}
	}
	return false, nil
}

const (
	// markerLife is after how long a sweep that left its marker is dead: it gives up after
	// half of that.
	markerLife  = 10 * time.Minute
	markerPause = 200 * time.Millisecond
)

// Open is core.BlobStore's. It reads as far as it is read.
func (s *S3) Open(ctx context.Context, sum string) (io.ReadSeekCloser, error) {
	notFound := core.Errorf(core.KindNotFound, "Blob not found")
	if !core.ValidSHA256(sum) {
		return nil, notFound
	}
	object, err := s.client.GetObject(ctx, s.config.Bucket, s.key(sum), minio.GetObjectOptions{})
	if err == nil {
		_, err = object.Stat()
	}
	if err != nil && missing(err) {
		return nil, notFound
	}
	if err != nil {
		return nil, s3Unavailable(err)
	}
	return s3Object{object, s, sum}, nil
}

// linkLife is how long an address of a file in the bucket is good: whoever is sent there
// goes at once, and what has begun goes on.
const linkLife = time.Minute

type s3Object struct {
	*minio.Object
	store *S3
	sum   string
}

// Link is core.DirectBlob's.
func (o s3Object) Link(ctx context.Context, contentType, disposition string) (string, error) {
	if !o.store.config.Direct {
		return "", nil
	}
	headers := url.Values{"response-content-type": {contentType}, "response-content-disposition": {disposition}, "response-cache-control": {"private, no-store"}}
	u, err := o.store.client.PresignedGetObject(ctx, o.store.config.Bucket, o.store.key(o.sum), linkLife, headers)
	if err != nil {
		return "", s3Unavailable(err)
	}
	return u.String(), nil
}

// Ready is core.BlobStore's: it writes an object and removes it.
func (s *S3) Ready(ctx context.Context) error {
	host, err := os.Hostname()
	if err != nil {
		host = "server"
	}
	key := path.Join(s.config.Prefix, "ready", host)
	_, err = s.client.PutObject(ctx, s.config.Bucket, key, strings.NewReader("ready"), 5, minio.PutObjectOptions{})
	if err == nil {
		err = s.client.RemoveObject(ctx, s.config.Bucket, key, minio.RemoveObjectOptions{})
	}
	if err != nil {
		return s3Unavailable(err)
	}
	return nil
}
