package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/runner"
	"github.com/oore-ci/oore/store/blob/blobtest"
)

// impatientProxy ends a request for a file to be put together that has no answer after two
// seconds, as nginx does after 60. It knows no runner's own patience.
type impatientProxy struct {
	*httptest.Server
	ended, accepted atomic.Int32
}

func newImpatientProxy(t *testing.T, to string, older bool) *impatientProxy {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	p := &impatientProxy{}
	joins := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/artifacts") }
	impatient := http.DefaultTransport.(*http.Transport).Clone()
	impatient.ResponseHeaderTimeout = 2 * time.Second
	pass := func(transport http.RoundTripper) http.Handler {
		return &httputil.ReverseProxy{
			Transport: transport,
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(target)
				if !joins(r.In) {
					return
				}
				r.Out.Header.Set("Prefer", "respond-async, wait=1") // the runner itself waits longer than this test
				if older {
					r.Out.Header.Del("Prefer")
				}
			},
			ModifyResponse: func(r *http.Response) error {
				if r.StatusCode == http.StatusAccepted {
					p.accepted.Add(1)
				}
				return nil
			},
			ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
				p.ended.Add(1)
				w.WriteHeader(http.StatusGatewayTimeout)
			},
		}
	}
	patient, hasty := pass(http.DefaultTransport), pass(impatient)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if joins(r) {
			hasty.ServeHTTP(w, r)
		} else {
			patient.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// TestALargeArtifactArrivesThroughAnImpatientProxy: a file that takes longer to be put
// together than the proxy waits was put together again and again, side by side.
func TestALargeArtifactArrivesThroughAnImpatientProxy(t *testing.T) {
	address, _ := blobtest.NewBucket(t)
	endpoint, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(endpoint.Query().Get("endpoint"), "http://")
	line := newToxicLine(t, host)
	slow := `{"name": "slow", "type": "latency", "stream": "downstream", "attributes": {"latency": 700}}`
	if _, err := line.Toxics.AddToxicJson(strings.NewReader(slow)); err != nil {
		t.Fatal(err)
	}
	p := newProgram(t, "", nil, "OORE_RUNNERS=0", "AWS_ACCESS_KEY_ID="+blobtest.AccessKey, "AWS_SECRET_ACCESS_KEY="+blobtest.SecretKey,
		"OORE_BLOB_URL="+strings.Replace(address, host, line.Listen, 1)).start()
	_, project, pipeline := p.shopWith(t, "echo made elsewhere")
	for name, older := range map[string]bool{"a runner": false, "a runner of before": true} {
		t.Run(name, func(t *testing.T) { arrives(t, p, newImpatientProxy(t, p.url, older), project, pipeline, older) })
	}
}

func arrives(t *testing.T, p *program, proxy *impatientProxy, project projectView, pipeline pipelineView, older bool) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var made struct{ Token string }
	p.must("POST", "/v1/runners/register", map[string]any{"name": fmt.Sprint("far away ", older), "platform": "linux/x64"}, &made)
	remote, err := runner.NewRemote(runner.RemoteOptions{Server: proxy.URL, Token: made.Token, Version: "1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	self, err := remote.Identify(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var b buildView
	p.must("POST", "/v1/projects/"+project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID}, &b)
	self.Slots = 1
	job, err := remote.Claim(ctx, self, 10*time.Second)
	if err != nil || job == nil {
		t.Fatalf("claimed %v, %v", job, err)
	}
	if err := remote.Start(ctx, job.Lease, strings.Repeat("ab", 20)); err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte(b.ID), core.ArtifactPart/len(b.ID)+100) // two parts
	file := core.Artifact{Name: "app.apk", Kind: core.ArtifactAPK, Size: int64(len(content)), SHA256: fmt.Sprintf("%x", sha256.Sum256(content))}
	stored := strings.Count(p.output.String(), "artifact stored")
	if err := remote.PutArtifact(ctx, job.Lease, file, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if older && proxy.ended.Load() == 0 || !older && proxy.accepted.Load() == 0 {
		t.Errorf("the proxy ended %d requests, and %d were answered 202", proxy.ended.Load(), proxy.accepted.Load())
	}
	if n := strings.Count(p.output.String(), "artifact stored") - stored; n != 1 {
		t.Errorf("it was put together %d times", n)
	}
	var list struct {
		Artifacts []struct {
			Name, SHA256 string
			Size         int64 `json:"size_bytes"`
		}
	}
	p.must("GET", "/v1/builds/"+b.ID+"/artifacts", nil, &list)
	if len(list.Artifacts) != 1 || list.Artifacts[0].SHA256 != file.SHA256 || list.Artifacts[0].Size != file.Size {
		t.Errorf("%+v", list)
	}
	if err := remote.Finish(ctx, job.Lease, core.Result{Status: core.BuildSucceeded}); err != nil {
		t.Error(err)
	}
}
