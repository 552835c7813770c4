package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/store/storetest"
)

// shared are the settings that several servers on one database have in common.
func shared(t testing.TB) []string {
	t.Helper()
	var key [32]byte
	rand.Read(key[:])
	return []string{"OORE_ENCRYPTION_KEY=" + base64.StdEncoding.EncodeToString(key[:]), "OORE_BLOB_URL=" + t.TempDir()}
}

// balancer sends each request to one of several servers that listen, by chance. A request
// whose server dies is cut, as a line would be.
type balancer struct {
	url string

	mu    sync.Mutex
	addrs []string
}

func newBalancer(t testing.TB) *balancer {
	t.Helper()
	b := &balancer{}
	each := http.DefaultTransport.(*http.Transport).Clone()
	each.DisableKeepAlives, each.DialContext = true, b.dial
	front := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "one-of-them"})
			r.Out.Host = r.In.Host
		},
		Transport: each, FlushInterval: -1,
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	})
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
	})
	b.url = front.URL
	return b
}

func (b *balancer) add(addr string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addrs = append(b.addrs, addr)
}

func (b *balancer) dial(ctx context.Context, network, _ string) (c net.Conn, err error) {
	b.mu.Lock()
	addrs := slices.Clone(b.addrs)
	b.mu.Unlock()
	mathrand.Shuffle(len(addrs), func(i, j int) { addrs[i], addrs[j] = addrs[j], addrs[i] })
	for _, addr := range addrs {
		if c, err = (&net.Dialer{}).DialContext(ctx, network, addr); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// newServers prepares several servers on a new PostgreSQL, without embedded runners but
// for the last.
func newServers(t testing.TB, count int) []*program {
	t.Helper()
	database, common := storetest.Postgres(t), shared(t)
	servers := make([]*program, count)
	for n := range servers {
		servers[n] = newProgram(t, database, nil, append(common, "OORE_RUNNERS=0")...)
	}
	last := servers[count-1]
	last.env = append(last.env, "OORE_RUNNERS=1")
	return servers
}

// logFollower reads a build's log to its end, at whatever servers it has, and wants every
// sequence once.
type logFollower struct {
	next  int
	lines []string
}

// read goes on at a server from where it stands; an error is that of the stream.
func (f *logFollower) read(ctx context.Context, p *program, buildID string, each func()) error {
	last := ""
	if f.next > 0 {
		last = strconv.Itoa(f.next - 1)
	}
	wrong := error(nil)
	err := p.stream(ctx, buildID, last, func(e logEvent) {
		if e.Event != "log" {
			return
		}
		var r struct {
			Sequence        int
			Content, Stream string
		}
		if err := json.Unmarshal(e.Data, &r); err != nil || r.Sequence != f.next || e.ID != strconv.Itoa(f.next) {
			wrong = errors.Join(err, fmt.Errorf("the record is %s %s; want sequence %d", e.ID, e.Data, f.next))
		}
		f.next++
		if r.Stream == "stdout" {
			f.lines = append(f.lines, r.Content)
		}
		each()
	})
	if wrong != nil {
		return wrong
	}
	return err
}

// TestAStreamGoesOnAtAnotherServer follows, at two servers that run no build, one that
// the third runs. One of the two is killed; its reader goes on at the other.
func TestAStreamGoesOnAtAnotherServer(t *testing.T) {
	t.Parallel()
	servers := newServers(t, 3)
	for _, p := range servers {
		p.start()
	}
	const lines = 300
	_, project, pipeline := servers[2].shopWith(t, fmt.Sprintf("for i in $(seq %d); do echo line $i; sleep 0.02; done", lines))
	var b buildView
	servers[1].must("POST", "/v1/projects/"+project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID}, &b)
	reader, steady, cut := &logFollower{}, &logFollower{}, make(chan struct{})
	var following sync.WaitGroup
	following.Go(func() {
		if err := steady.read(t.Context(), servers[1], b.ID, func() {}); err != nil {
			t.Errorf("who stays: %v", err)
		}
	})
	following.Go(func() {
		enough := sync.OnceFunc(func() { close(cut) })
		err := reader.read(t.Context(), servers[0], b.ID, func() {
			if len(reader.lines) == lines/4 {
				enough()
			}
		})
		enough()
		if err == nil {
			t.Error("the stream of a killed server ended in good order")
		}
		if err := reader.read(t.Context(), servers[1], b.ID, func() {}); err != nil {
			t.Errorf("who went on elsewhere: %v", err)
		}
	})
	<-cut
	servers[0].kill()
	following.Wait()
	for name, f := range map[string]*logFollower{"who stayed": steady, "who went on elsewhere": reader} {
		if len(f.lines) != lines || f.lines[lines-1] != fmt.Sprintf("line %d", lines) {
			t.Errorf("%s has %d of %d lines", name, len(f.lines), lines)
		}
	}
	if v := servers[1].ended(b.ID); v.Status != "succeeded" {
		t.Errorf("the build is %s: %s", v.Status, v.StatusReason)
	}
}

// TestServersThatShareNoBlobsRefuse: it must be seen at the start, and not when somebody
// asks for an artifact.
func TestServersThatShareNoBlobsRefuse(t *testing.T) {
	t.Parallel()
	servers := newServers(t, 2)
	servers[0].start()
	alone := servers[1]
	alone.env = append(alone.env, "OORE_BLOB_URL="+t.TempDir())
	alone.launch()
	select {
	case <-alone.exited:
	case <-time.After(patience):
		t.Fatal("a server with blobs of its own goes on")
	}
	if out := alone.output.String(); !strings.Contains(out, "OORE_BLOB_URL") || !strings.Contains(out, servers[0].addr) {
		t.Errorf("it does not say what is wrong:\n%s", out)
	}
	alone.env = append(alone.env, "OORE_BLOB_URL="+environment(servers[0].env).lookup("OORE_BLOB_URL"))
	alone.start()
}
