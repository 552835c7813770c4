package web

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

func TestStatusSaysWhetherTheServerIsWell(t *testing.T) {
	f := filled()
	a := site(t, f, core.Actor{}, "")
	for _, c := range []struct {
		err    error
		status int
		says   string
	}{
		{nil, 200, "All is well."},
		{core.Errorf(core.KindUnavailable, "The database does not answer"), 503, "finds the cause in its log"},
		{errors.New("dial tcp 10.0.0.1"), 503, "finds the cause in its log"},
	} {
		f.refuse = c.err
		if answer, body := get(t, a, "/status"); answer.StatusCode != c.status || !strings.Contains(body, c.says) || strings.Contains(body, "10.0.0.1") || strings.Contains(body, "does not answer") {
			t.Errorf("%v: %d", c.err, answer.StatusCode)
		}
	}
}

// What is missing, and what may not be seen, look the same but for the reference to
// nothing; a fault of ours has a reference that is in the log.
func TestErrorPagesTellNoMoreThanTheyMay(t *testing.T) {
	set, err := templates.New()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	p := New(Options{App: filled(), Templates: set, Log: slog.New(slog.NewTextHandler(&log, nil))})
	a := fiber.New(fiber.Config{ErrorHandler: p.ErrorPage, DisableStartupMessage: true})
	for path, err := range map[string]error{
		"/missing": fiber.ErrNotFound, "/hidden": core.Errorf(core.KindNotFound, "Project not found"), "/fault": errors.New("SQL: no such column"),
		"/large": core.Errorf(core.KindTooLarge, "The request's body is larger than this address takes"), "/often": core.Errorf(core.KindLimited, "Wait"),
	} {
		a.Get(path, func(*fiber.Ctx) error { return err })
	}
	_, missing := get(t, a, "/missing")
	answer, hidden := get(t, a, "/hidden")
	if missing != hidden || answer.StatusCode != http.StatusNotFound || !strings.Contains(hidden, `action="/search"`) {
		t.Errorf("%d: what is hidden looks other than what is missing, or cannot be searched for:\n%s\n%s", answer.StatusCode, missing, hidden)
	}
	answer, fault := get(t, a, "/fault")
	reference := regexp.MustCompile(`Reference <code>(\w+)</code>`).FindStringSubmatch(fault)
	if answer.StatusCode != 500 || reference == nil || strings.Contains(fault, "SQL") || !strings.Contains(log.String(), reference[1]) || !strings.Contains(log.String(), "no such column") {
		t.Errorf("%d with the reference %v; the log: %s", answer.StatusCode, reference, &log)
	}
	for path, status := range map[string]int{"/large": 413, "/often": 429} {
		if answer, body := get(t, a, path); answer.StatusCode != status || strings.Count(body, "<h1") != 1 {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
}

// An address may hold a secret: a sign-in link, a share link.
func TestAFaultOnAPageLogsNoAddress(t *testing.T) {
	set, err := templates.New()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	p := New(Options{App: filled(), Templates: set, Log: slog.New(slog.NewTextHandler(&log, nil))})
	a := fiber.New(fiber.Config{ErrorHandler: p.ErrorPage, DisableStartupMessage: true})
	a.Get("/sign-in/:token", func(*fiber.Ctx) error { return errors.New("the disk is on fire") })
	answer, _ := get(t, a, "/sign-in/oorel_of-somebody")
	if said := log.String(); answer.StatusCode != http.StatusInternalServerError || strings.Contains(said, "of-somebody") || !strings.Contains(said, "/sign-in/:token") {
		t.Errorf("%d; the log: %s", answer.StatusCode, said)
	}
}
