package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/rs/zerolog"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/blob/blobtest"
)

// endpointOf is the host of a bucket's address.
func endpointOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Query().Get("endpoint"), "http://")
}

// uploads lists what was sent in part.
func uploads(t *testing.T, address string) (keys []string) {
	t.Helper()
	client, err := minio.New(endpointOf(t, address), &minio.Options{Creds: credentials.NewStaticV4(blobtest.AccessKey, blobtest.SecretKey, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	for upload := range client.ListIncompleteUploads(t.Context(), "oore", "", true) {
		if upload.Err != nil {
			t.Fatal(upload.Err)
		}
		keys = append(keys, upload.Key)
	}
	return keys
}

func newLine(t *testing.T, to string) *toxiproxy.Proxy {
	t.Helper()
	line := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), t.Name(), "127.0.0.1:0", to)
	if err := line.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(line.Stop)
	return line
}

func poison(t *testing.T, line *toxiproxy.Proxy, toxic string) {
	t.Helper()
	if _, err := line.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		t.Fatal(err)
	}
}

const (
	putUntilKilled = "OORE_TEST_PUT" // the bucket's address
	killedBytes    = 40 << 20        // three parts
)

// killedContent is the same in every process.
func killedContent() io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{1}), killedBytes)
}

// TestMain puts a file until it is killed, where it is told to.
func TestMain(m *testing.M) {
	address := os.Getenv(putUntilKilled)
	if address == "" {
		os.Exit(m.Run())
	}
	s, err := openS3(address, filepath.Join(os.TempDir(), fmt.Sprint("oore-put-", os.Getppid())))
	if err == nil {
		_, _, err = s.Put(context.Background(), killedContent())
	}
	fmt.Fprintln(os.Stderr, "it was not killed:", err)
	os.Exit(1)
}

// TestAServerThatIsKilledWhileItSendsLeavesNothing for ever: nothing of the file is to be
// seen, and what was sent of it goes when it is old.
func TestAServerThatIsKilledWhileItSendsLeavesNothing(t *testing.T) {
	address, _ := blobtest.NewBucket(t)
	line := newLine(t, endpointOf(t, address))
	poison(t, line, `{"type": "bandwidth", "stream": "upstream", "attributes": {"rate": 4000}}`) // kB/s: ten seconds
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), putUntilKilled+"="+strings.Replace(address, endpointOf(t, address), line.Listen, 1), "TMPDIR="+t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(2 * time.Minute); len(uploads(t, address)) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it sends nothing in parts")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.Exited() {
		t.Fatalf("it ended by itself: %v", err)
	}
	s, ctx := newS3(t, address), t.Context()
	none := func(context.Context, []string) ([]string, error) { return nil, nil }
	if _, err := s.Sweep(ctx, time.Now().Add(-time.Hour), none); err != nil || len(uploads(t, address)) != 1 {
		t.Errorf("what is young is gone: %v, %v", uploads(t, address), err)
	}
	sum := strings.TrimPrefix(filepath.Base(uploads(t, address)[0]), "/")
	if _, err := s.Open(ctx, sum); core.KindOf(err) != core.KindNotFound {
		t.Errorf("half of it is there: %v", err)
	}
	if _, err := s.Sweep(ctx, time.Now().Add(time.Hour), none); err != nil || len(uploads(t, address)) != 0 {
		t.Errorf("left: %v, %v", uploads(t, address), err)
	}
	if got, size, err := s.Put(ctx, killedContent()); got != sum || size != killedBytes || err != nil {
		t.Errorf("sent again: %s, %d, %v, want %s", got, size, err, sum)
	}
}

// TestAPutThatIsGivenUpLeavesNothing: its caller may end it between two parts.
func TestAPutThatIsGivenUpLeavesNothing(t *testing.T) {
	address, _ := blobtest.NewBucket(t)
	part := make(chan struct{}, 1)
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", endpointOf(t, address), r.In.Host
	}}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !r.URL.Query().Has("partNumber") {
			forward.ServeHTTP(w, r)
			return
		}
		select {
		case part <- struct{}{}:
		default:
		}
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done() // no part arrives
	}))
	t.Cleanup(proxy.Close)
	s := newS3(t, strings.Replace(address, endpointOf(t, address), strings.TrimPrefix(proxy.URL, "http://"), 1))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, _, err := s.Put(ctx, killedContent())
		done <- err
	}()
	select {
	case <-part:
	case err := <-done:
		t.Fatalf("it sends nothing in parts: %v", err)
	}
	if len(uploads(t, address)) != 1 {
		t.Error("nothing could be left")
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("it was stored")
	}
	if left := uploads(t, address); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// TestABadLineToTheBucketLosesNothing: what a Put has promised is there whole, what it has
// not is not there in part, and a reader gets all of it or an error.
func TestABadLineToTheBucketLosesNothing(t *testing.T) {
	address, _ := blobtest.NewBucket(t)
	line := newLine(t, endpointOf(t, address))
	far, near, ctx := newS3(t, strings.Replace(address, endpointOf(t, address), line.Listen, 1)), newS3(t, address), t.Context()
	content := make([]byte, 300<<10)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(content)
	for n, toxic := range []string{
		`{"type": "latency", "stream": "downstream", "attributes": {"latency": 150, "jitter": 100}}`,
		`{"type": "reset_peer", "stream": "upstream", "attributes": {"timeout": 20}}`,
		`{"type": "reset_peer", "stream": "downstream", "attributes": {"timeout": 20}}`,
		`{"type": "slow_close", "stream": "downstream", "attributes": {"delay": 500}}`,
		`{"type": "limit_data", "stream": "upstream", "attributes": {"bytes": 100000}}`,
		`{"type": "limit_data", "stream": "downstream", "attributes": {"bytes": 100000}}`,
	} {
		content[0] = byte(n)
		sum, _, err := near.Put(ctx, bytes.NewReader(content)) // what is read
		if err != nil {
			t.Fatal(err)
		}
		content[0] = byte(100 + n)
		poison(t, line, toxic)
		short, cancel := context.WithTimeout(ctx, 5*time.Second)
		put, _, putErr := far.Put(short, bytes.NewReader(content))
		read, readErr := readAll(short, far, sum)
		cancel()
		line.Toxics.ResetToxics(ctx)
		if readErr == nil && (len(read) != len(content) || read[0] != byte(n)) {
			t.Errorf("%s: read %d bytes without an error", toxic, len(read))
		}
		if putErr != nil {
			if put, _, putErr = far.Put(ctx, bytes.NewReader(content)); putErr != nil {
				t.Errorf("%s: after it: %v", toxic, putErr)
				continue
			}
		}
		if got, err := readAll(ctx, near, put); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: what was promised is %d bytes, %v", toxic, len(got), err)
		}
	}
	if left := uploads(t, address); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func readAll(ctx context.Context, s core.BlobStore, sum string) ([]byte, error) {
	file, err := s.Open(ctx, sum)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(file)
	return data, errors.Join(err, file.Close())
}

// TestABucketsOwnClockTellsWhatIsOld: by ours, which may be hours off, a sweep deleted what
// had just been put.
func TestABucketsOwnClockTellsWhatIsOld(t *testing.T) {
	address, _ := blobtest.NewBucket(t)
	behind := newS3(t, strings.Replace(address, endpointOf(t, address), otherClock(t, endpointOf(t, address), -2*time.Hour), 1))
	ctx := t.Context()
	sum, _, err := behind.Put(ctx, strings.NewReader("just now"))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := behind.Sweep(ctx, time.Now().Add(-time.Hour), all); n != 0 || err != nil {
		t.Errorf("%d deleted, %v", n, err)
	}
	if _, err := readAll(ctx, behind, sum); err != nil {
		t.Error(err)
	}
	if n, err := behind.Sweep(ctx, time.Now().Add(time.Hour), all); n != 1 || err != nil {
		t.Errorf("%d deleted of what is old, %v", n, err)
	}
}

// otherClock is the same S3 server by a clock that is off.
func otherClock(t *testing.T, to string, off time.Duration) string {
	t.Helper()
	dated := regexp.MustCompile(`<LastModified>[^<]*</LastModified>`)
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", to, r.In.Host },
		ModifyResponse: func(r *http.Response) error {
			if at, err := http.ParseTime(r.Header.Get("Last-Modified")); err == nil {
				r.Header.Set("Last-Modified", at.Add(off).UTC().Format(http.TimeFormat))
			}
			if !strings.Contains(r.Header.Get("Content-Type"), "xml") {
				return nil
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			body = dated.ReplaceAllFunc(body, func(tag []byte) []byte {
				at, err := time.Parse(time.RFC3339, strings.TrimSuffix(strings.TrimPrefix(string(tag), "<LastModified>"), "</LastModified>"))
				if err != nil {
					t.Error(err)
				}
				return []byte("<LastModified>" + at.Add(off).UTC().Format("2006-01-02T15:04:05.000Z") + "</LastModified>")
			})
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Length", fmt.Sprint(len(body)))
			return nil
		},
	})
	t.Cleanup(proxy.Close)
	return strings.TrimPrefix(proxy.URL, "http://")
}
