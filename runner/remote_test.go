package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func newRemote(t *testing.T, answer http.HandlerFunc) *Remote {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	r, err := NewRemote(RemoteOptions{Server: server.URL, Token: "oorer_token", Version: "1", Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	r.id = "runner-1"
	return r
}

func TestOnlyTheServersOwnWordIsFinal(t *testing.T) {
	const envelope = `{"error":"No","code":"lease_lost"}`
	for _, test := range []struct {
		name   string
		status int
		body   string
		final  bool
	}{
		{"the server's no", 409, envelope, true},
		{"a proxy's page where the server should be", 404, "<h1>Not found</h1>", false},
		{"a proxy that wants a password", 401, "{}", false},
		{"a server that stops", 503, `{"error":"Stops","code":"unavailable"}`, false},
		{"a defect of the server", 500, `{"error":"Failed","code":"internal"}`, false},
		{"too many requests", 429, `{"error":"Slow","code":"rate_limited"}`, false},
		{"a proxy without a server", 502, "", false},
		{"another address", 308, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked := 0
			r := newRemote(t, func(w http.ResponseWriter, req *http.Request) {
				asked++
				if req.Header.Get("Authorization") != "Bearer oorer_token" || req.Header.Get("X-Oore-Lease") != "token" || req.URL.Path != "/v1/runners/runner-1/jobs/b/finish" {
					t.Errorf("asked %s with %v", req.URL, req.Header)
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			})
			err := r.Finish(t.Context(), core.Lease{BuildID: "b", Token: "token"}, core.Result{})
			if err == nil || refused(err) != test.final || asked != 1 {
				t.Errorf("%v after %d questions, final %v", err, asked, err != nil && refused(err))
			}
			if test.final && core.CodeOf(err) != core.CodeLeaseLost {
				t.Errorf("code %s", core.CodeOf(err))
			}
		})
	}
}

func TestAnOutageIsNoRefusalAndTheCallersEndIsNoOutage(t *testing.T) {
	r := newRemote(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if _, err := r.Claim(t.Context(), core.Runner{}, 0); core.KindOf(err) != core.KindUnavailable {
		t.Errorf("an answer that breaks off: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Heartbeat(ctx, core.RunnerBeat{}); !errors.Is(err, context.Canceled) || core.KindOf(err) == core.KindUnavailable {
		t.Errorf("canceled by the caller: %v", err)
	}
	r = newRemote(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })
	if _, err := r.Claim(t.Context(), core.Runner{}, 0); core.KindOf(err) != core.KindUnavailable {
		t.Errorf("an answer that is none: %v", err)
	}
	for _, address := range []string{"ci.example.com", "ftp://ci.example.com", "https://u:p@ci.example.com", "https://ci.example.com/?a=b"} {
		if _, err := NewRemote(RemoteOptions{Server: address}); err == nil {
			t.Errorf("%s is taken for an address", address)
		}
	}
}

func TestAFileGoesInPartsAndAnewWhenOneIsLost(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), core.ArtifactPart/16+1)
	var got bytes.Buffer
	joins, failed := 0, false
	r := newRemote(t, func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		switch {
		case err != nil:
			t.Error(err)
		case strings.HasSuffix(req.URL.Path, "/parts") && !failed:
			failed = true // and the same part comes again
			w.WriteHeader(http.StatusBadGateway)
		case strings.HasSuffix(req.URL.Path, "/parts"):
			got.Write(body)
			_, _ = io.WriteString(w, `{"sha256":"sum"}`)
		default:
			var in struct {
				Artifact core.Artifact
				Parts    []string
			}
			if err := json.Unmarshal(body, &in); err != nil || in.Artifact.Name != "app.apk" || string(in.Artifact.Icon) != "icon" || len(in.Parts) != 2 {
				t.Errorf("joined %+v, %v", in, err)
			}
			if joins++; joins == 1 {
				w.WriteHeader(http.StatusConflict)
				_, _ = io.WriteString(w, `{"error":"Gone","code":"part_missing"}`)
			}
		}
	})
	put := func() error {
		got.Reset()
		return r.PutArtifact(t.Context(), core.Lease{BuildID: "b", Token: "t"}, core.Artifact{Name: "app.apk", Size: int64(len(content)), Icon: []byte("icon")}, bytes.NewReader(content))
	}
	if err := put(); err == nil || refused(err) {
		t.Errorf("a part was lost: %v", err)
	}
	if err := put(); err != nil || !bytes.Equal(got.Bytes(), content) {
		t.Errorf("%d of %d bytes, %v", got.Len(), len(content), err)
	}
}

// TestAFileThatIsNotPutTogetherYetIsAskedForAgain: neither a proxy's end of the request nor
// the server's word that it goes on is an end, and no part is sent twice.
func TestAFileThatIsNotPutTogetherYetIsAskedForAgain(t *testing.T) {
	answers := []int{http.StatusGatewayTimeout, http.StatusAccepted, http.StatusAccepted, http.StatusNoContent}
	sent, asked := 0, 0
	r := newRemote(t, func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/parts") {
			sent++
			_, _ = io.WriteString(w, `{"sha256":"sum"}`)
			return
		}
		if prefer := req.Header.Get("Prefer"); prefer != "respond-async" {
			t.Errorf("it prefers %q", prefer)
		}
		w.WriteHeader(answers[asked])
		asked++
	})
	err := r.PutArtifact(t.Context(), core.Lease{BuildID: "b", Token: "t"}, core.Artifact{Name: "app.apk", Size: 4}, strings.NewReader("file"))
	if err != nil || sent != 1 || asked != len(answers) {
		t.Errorf("%v after %d parts and %d questions", err, sent, asked)
	}
}
