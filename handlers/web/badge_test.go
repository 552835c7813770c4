package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestBadgesAreServedForProxiesOfPictures(t *testing.T) {
	address := "/badges/" + publicProject + "/" + publicProject + ".svg?branch=main"
	nobody := site(t, filled(), core.Actor{}, "http://127.0.0.1:8787")
	answer, body := get(t, nobody, address)
	tag := answer.Header.Get("ETag")
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "image/svg+xml; charset=utf-8" || answer.Header.Get("Cache-Control") != "no-cache" || tag == "" || !strings.Contains(body, "Failed") {
		t.Fatalf("%d %v %s", answer.StatusCode, answer.Header, body)
	}
	r := httptest.NewRequest(http.MethodGet, address, nil)
	r.Header.Set("If-None-Match", "W/"+tag)
	if again, body := do(t, nobody, r); again.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("the same again: %d, %d bytes", again.StatusCode, len(body))
	}
	if answer, body := get(t, nobody, "/badges/"+publicProject+"/none.svg"); answer.StatusCode != http.StatusOK || !strings.Contains(body, "Unknown") {
		t.Errorf("no such pipeline: %d", answer.StatusCode)
	}
	private := "/badges/0aaaaaaa-0000-4000-8000-000000000002/x.svg"
	for _, path := range []string{private, "/badges/p1/l1.svg", "/badges/" + publicProject + "/" + publicProject, "/badges/" + publicProject + "/" + publicProject + ".png"} {
		if answer, _ := get(t, nobody, path); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s answers everybody: %d", path, answer.StatusCode)
		}
	}
	if answer, _ := get(t, site(t, filled(), owner(), ""), private); answer.StatusCode != http.StatusOK || answer.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("who has signed in: %d, %s", answer.StatusCode, answer.Header.Get("Cache-Control"))
	}
}
