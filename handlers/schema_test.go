package handlers

import (
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestTheSchemaIsPublicAndKeptByCaches(t *testing.T) {
	s := serve(t, nil)
	got := s.ask("GET", "/schema/oore.yaml.json", "")
	tag := got.header.Get("ETag")
	if got.status != 200 || got.body != core.WorkflowSchema() || tag == "" {
		t.Fatalf("status %d, tag %s, %d bytes", got.status, tag, len(got.body))
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json; charset=utf-8", "Cache-Control": "public, max-age=3600", "Access-Control-Allow-Origin": "*",
	} {
		if value := got.header.Get(name); value != want {
			t.Errorf("%s: %q, want %q", name, value, want)
		}
	}
	if again := s.ask("GET", "/schema/oore.yaml.json", "", "If-None-Match: "+tag); again.status != 304 || again.body != "" {
		t.Errorf("asked again: %d with %d bytes", again.status, len(again.body))
	}
	if head := s.ask("HEAD", "/schema/oore.yaml.json", ""); head.status != 200 || head.body != "" {
		t.Errorf("HEAD: %d with %d bytes", head.status, len(head.body))
	}
}
