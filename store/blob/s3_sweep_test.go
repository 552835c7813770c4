package blob_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/oore-ci/oore/store/blob/blobtest"
)

// odd is the same S3 server, which answers some requests in its own way.
func odd(t *testing.T, address string, answer func(http.ResponseWriter, *http.Request) bool) string {
	t.Helper()
	to := endpointOf(t, address)
	through := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", to, r.In.Host }}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answer(w, r) {
			through.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(proxy.Close)
	return strings.Replace(address, to, strings.TrimPrefix(proxy.URL, "http://"), 1)
}

// TestAStoreThatListsNoUploadsIsSweptAllTheSame: any answer but three ended the whole sweep,
// each time.
func TestAStoreThatListsNoUploadsIsSweptAllTheSame(t *testing.T) {
	address, _ := blobtest.NewBucket(t)
	s, ctx := newS3(t, odd(t, address, func(w http.ResponseWriter, r *http.Request) bool {
		if !r.URL.Query().Has("uploads") || r.Method != http.MethodGet {
			return false
		}
		http.Error(w, "<html>Bad Request</html>", http.StatusBadRequest)
		return true
	})), t.Context()
	if _, _, err := s.Put(ctx, strings.NewReader("old")); err != nil {
		t.Fatal(err)
	}
	n, err := s.Sweep(ctx, time.Now().Add(time.Hour), all)
	if n != 1 || err == nil {
		t.Errorf("%d deleted, %v, want 1 and the error", n, err)
	}
}

// TestASweepRemovesWhatAskedForTheTime of a server that was killed meanwhile.
func TestASweepRemovesWhatAskedForTheTime(t *testing.T) {
	address, _ := blobtest.NewBucket(t)
	s, ctx := newS3(t, address), t.Context()
	client, err := minio.New(endpointOf(t, address), &minio.Options{Creds: credentials.NewStaticV4(blobtest.AccessKey, blobtest.SecretKey, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	const left = "some/prefix/clock/LEFT"
	if _, err := client.PutObject(ctx, "oore", left, strings.NewReader(""), 0, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		before time.Duration
		stays  bool
	}{{-time.Hour, true}, {time.Hour, false}} {
		if _, err := s.Sweep(ctx, time.Now().Add(step.before), all); err != nil {
			t.Fatal(err)
		}
		if _, err := client.StatObject(ctx, "oore", left, minio.StatObjectOptions{}); (err == nil) != step.stays {
			t.Errorf("before %s: want it there %v: %v", step.before, step.stays, err)
		}
	}
}

// TestASweepThatMayNotEndUploadsLeavesNothingRunning: the listing waited for ever for
// somebody to read its last word.
func TestASweepThatMayNotEndUploadsLeavesNothingRunning(t *testing.T) {
	address, _ := blobtest.NewBucket(t)
	sum := strings.Repeat("a", 64)
	upload := "<Upload><Key>some/prefix/aa/" + sum + "</Key><UploadId>one</UploadId><Initiated>2020-01-01T00:00:00.000Z</Initiated></Upload>"
	s := newS3(t, odd(t, address, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.Method == http.MethodGet && r.URL.Query().Has("uploads"):
			_, _ = io.WriteString(w, "<ListMultipartUploadsResult>"+strings.Repeat(upload, 5)+"</ListMultipartUploadsResult>")
		case r.Method == http.MethodDelete && r.URL.Query().Has("uploadId"):
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code></Error>")
		default:
			return false
		}
		return true
	}))
	if _, err := s.Sweep(t.Context(), time.Now(), all); err != nil {
		t.Fatal(err)
	}
	stacks := make([]byte, 1<<20)
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		n := runtime.Stack(stacks, true)
		if !strings.Contains(string(stacks[:n]), "listIncompleteUploads") {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the listing goes on")
		}
	}
}
