package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestValidateNamesEveryProblemWithItsPlace(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	answer, body := post(t, a, "/validate", url.Values{"content": {"version: 1\r\nplatform: [android]\r\ntimeout: soon\r\n"}, "project": {"p1"}})
	if answer.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d", answer.StatusCode)
	}
	for _, want := range []string{"2 problems", "Line 2, column 1", "Line 3, column 10", ">platform: [android]</pre>"} {
		if !strings.Contains(body, want) {
			t.Errorf("it does not say %s", want)
		}
	}
	_, body = post(t, a, "/validate", url.Values{"content": {"version: 1\n"}})
	if !strings.Contains(body, "1 problem<") || !strings.Contains(body, "There is nothing to run") {
		t.Error("a file that runs nothing is called sound")
	}
	_, body = post(t, a, "/validate", url.Values{"content": {hostile}})
	if strings.Contains(body, "<script>alert") {
		t.Error("the file is markup")
	}
}

func TestValidateShowsWhatAFileComesTo(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	file := "version: 1\nplatforms: [ios]\nenv: {FLAVOR: qa}\nsecrets: [TOKEN]\nlabels: [macos]\ntriggers: {branches: [dev]}\n"
	answer, body := post(t, a, "/validate", url.Values{"content": {file}, "project": {"fluttershop"}})
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("status %d", answer.StatusCode)
	}
	for _, want := range []string{"It is sound.", "flutter build ios", "FLAVOR=qa", "TOKEN", "1 of 3", "those with macos", "By the file’s own triggers", "matches none of dev"} {
		if !strings.Contains(body, want) {
			t.Errorf("it does not say %s", want)
		}
	}
	_, body = post(t, a, "/validate", url.Values{"content": {file}, "project": {"p1"}, "pipeline": {"l1"}})
	for _, want := range []string{"3 of 3", "By the triggers of the pipeline Android release", "Would run"} {
		if !strings.Contains(body, want) {
			t.Errorf("as a pipeline: it does not say %s", want)
		}
	}
	if _, body = get(t, a, "/validate?project=p1&pipeline=l1"); !strings.Contains(body, "branches: [main, release/*]") {
		t.Error("the form does not begin with what the pipeline says")
	}
	if answer, _ := get(t, a, "/validate?project=none"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("of no project: %d", answer.StatusCode)
	}
}

func TestValidateReadsTheFileOfARepository(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	for query, wants := range map[string][]string{
		"project=p1&read=1":                     {"It is sound.", "<code>.oore.yaml</code> at the commit", ">a1b2c3d</code>", "labels: [macos]", "those with macos"},
		"project=p1&pipeline=l1&ref=dev&read=1": {"1 problem<", "Line 2, column 1", "platform: [android]", `value="dev"`},
	} {
		answer, body := get(t, a, "/validate?"+query)
		for _, want := range wants {
			if answer.StatusCode != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%s (%d) does not say %s", query, answer.StatusCode, want)
			}
		}
	}
	if answer, body := get(t, a, "/validate?project=p1&ref=none&read=1"); answer.StatusCode != http.StatusBadRequest || besideField(body, "ref") == "" {
		t.Errorf("an unknown branch: %d", answer.StatusCode)
	}
	if answer, body := get(t, a, "/validate?read=1"); answer.StatusCode != http.StatusBadRequest || !strings.Contains(body, "Choose the project") {
		t.Errorf("no project: %d", answer.StatusCode)
	}
	if answer, _ := get(t, a, "/validate?project=none&read=1"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("of no project: %d", answer.StatusCode)
	}
	if _, body := get(t, a, "/builds/b140/config"); !strings.Contains(body, "/validate?project=p1&amp;pipeline=l1&amp;ref=") {
		t.Error("the configuration of a build does not lead to its check")
	}
}
