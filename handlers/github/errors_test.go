package github_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// calls are all the methods that talk to GitHub.
func calls(w *world, f *github.Forge) map[string]func(context.Context) error {
	repo := w.coreRepository()
	w.Lose(1)
	_, _ = w.Deliver(w.URL(), "ping", []byte(`{}`), githubtest.Delivery{}) // gets lost
	tries := w.Deliveries()
	missed := core.MissedDelivery{ID: fmt.Sprint(tries[len(tries)-1].ID)}
	push := core.Event{Kind: core.EventPush, Before: w.base, SHA: w.head}
	pull := core.Event{Kind: core.EventPullRequest, PullRequest: &core.PullRequest{Number: 1}}
	return map[string]func(context.Context) error{
		"FindRepository": func(ctx context.Context) error { _, err := f.FindRepository(ctx, "acme/shop"); return err },
		"ResolveRef":     func(ctx context.Context) error { _, err := f.ResolveRef(ctx, repo, "main"); return err },
		"Checkout":       func(ctx context.Context) error { _, err := f.Checkout(ctx, repo); return err },
		"SetStatus":      func(ctx context.Context) error { return f.SetStatus(ctx, repo, report(w.head, core.ReportSuccess)) },
		"UpsertComment": func(ctx context.Context) error {
			_, err := f.UpsertComment(ctx, repo, sticky(w.head, 1), "")
			return err
		},
		"Heads": func(ctx context.Context) error { _, err := f.Heads(ctx, repo); return err },
		"Missed": func(ctx context.Context) error {
			_, err := f.Missed(ctx, core.Lookback{Since: time.Now().Add(-time.Hour)})
			return err
		},
		"Redeliver":             func(ctx context.Context) error { return f.Redeliver(ctx, missed) },
		"Inventory":             func(ctx context.Context) error { _, err := f.Inventory(ctx); return err },
		"Paths of a push":       func(ctx context.Context) error { _, _, err := f.Paths(ctx, repo, push); return err },
		"Paths of pull request": func(ctx context.Context) error { _, _, err := f.Paths(ctx, repo, pull); return err },
	}
}

func TestFailuresOfGitHub(t *testing.T) {
	w := newWorld(t)
	w.open(t, 1)
	stopped := &clock{now: time.Now()}
	hour := stopped.now.Add(30 * time.Minute)
	tests := []struct {
		name    string
		failure githubtest.Failure
		kind    core.Kind
		code    string
		atLeast time.Duration
		atMost  time.Duration
	}{
		{"500", githubtest.ServerError(500), core.KindUnavailable, core.CodeUnavailable, 0, 0},
		{"502 that is no JSON", githubtest.Failure{Status: 502, Body: "<html>"}, core.KindUnavailable, core.CodeUnavailable, 0, 0},
		{"503 with Retry-After", githubtest.Failure{Status: 503, Header: map[string]string{"Retry-After": "7"}}, core.KindUnavailable, core.CodeUnavailable, 7 * time.Second, 7 * time.Second},
		{"broken connection", githubtest.Failure{Drop: true}, core.KindUnavailable, core.CodeUnavailable, 0, 0},
		{"truncated JSON", githubtest.Failure{Truncate: true}, core.KindUnavailable, core.CodeUnavailable, 0, 0},
		{"no JSON", githubtest.Failure{Status: 200, Body: "<html>"}, core.KindUnavailable, core.CodeUnavailable, 0, 0},
		{"hourly quota", githubtest.PrimaryLimit(hour), core.KindLimited, core.CodeRateLimited, 28 * time.Minute, 30 * time.Minute},
		{"hourly quota without an end", githubtest.Failure{Status: 403, Header: map[string]string{"X-RateLimit-Remaining": "0"}}, core.KindLimited, core.CodeRateLimited, time.Minute, time.Minute},
		{"quota already open again", githubtest.PrimaryLimit(time.Now().Add(-time.Minute)), core.KindLimited, core.CodeRateLimited, time.Second, time.Second},
		{"quota of a wrong clock", githubtest.PrimaryLimit(time.Now().Add(100 * time.Hour)), core.KindLimited, core.CodeRateLimited, time.Hour, time.Hour},
		{"secondary limit, 403", githubtest.SecondaryLimit(403, 30*time.Second), core.KindLimited, core.CodeRateLimited, 29 * time.Second, 30 * time.Second},
		{"secondary limit, 429", githubtest.SecondaryLimit(429, 30*time.Second), core.KindLimited, core.CodeRateLimited, 29 * time.Second, 30 * time.Second},
		{"secondary limit by text alone, 403", githubtest.SecondaryLimit(403, 0), core.KindLimited, core.CodeRateLimited, time.Minute, time.Minute},
		{"secondary limit by text alone, 429", githubtest.SecondaryLimit(429, 0), core.KindLimited, core.CodeRateLimited, time.Minute, time.Minute},
		{"429 without a word", githubtest.Failure{Status: 429}, core.KindLimited, core.CodeRateLimited, time.Minute, time.Minute},
		{"secondary limit by documentation", githubtest.Failure{Status: 403, Body: `{"message":"slow down","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`}, core.KindLimited, core.CodeRateLimited, time.Minute, time.Minute},
		{"suspended", githubtest.Failure{Status: 403, Body: `{"message":"This installation has been suspended"}`}, core.KindForbidden, github.CodeInstallationSuspended, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer w.Heal()
			f := newForgeAt(t, w, stopped) // a new one, because a forge remembers limits
			for name, call := range calls(w, f) {
				w.Heal()
				w.Fail(func(*http.Request) *githubtest.Failure { return &tt.failure })
				err := call(t.Context())
				wantError(t, name, err, tt.kind, tt.code)
				var e *core.Error
				if errors.As(err, &e) && (e.RetryAfter < tt.atLeast || e.RetryAfter > tt.atMost) {
					t.Errorf("%s: RetryAfter %s, want %s to %s", name, e.RetryAfter, tt.atLeast, tt.atMost)
				}
				if strings.Contains(fmt.Sprint(err), "ghs_") {
					t.Errorf("%s: a token in the error: %v", name, err)
				}
			}
		})
	}
}

// The limits meet the calls themselves too, not only the minting of tokens before.
func TestFailuresAfterTheToken(t *testing.T) {
	w := newWorld(t)
	w.open(t, 1)
	for name, want := range map[string]struct {
		failure githubtest.Failure
		kind    core.Kind
	}{
		"403 by text":  {githubtest.SecondaryLimit(403, 0), core.KindLimited},
		"429":          {githubtest.SecondaryLimit(429, time.Second), core.KindLimited},
		"hourly quota": {githubtest.PrimaryLimit(time.Now().Add(time.Minute)), core.KindLimited},
		"plain 403":    {githubtest.Failure{Status: 403, Body: `{"message":"Resource not accessible by integration"}`}, core.KindForbidden},
		"404":          {githubtest.Failure{Status: 404}, core.KindNotFound},
		"410":          {githubtest.Failure{Status: 410}, core.KindGone},
		"422":          {githubtest.Failure{Status: 422}, core.KindInvalid},
		"502":          {githubtest.ServerError(502), core.KindUnavailable},
		"truncated":    {githubtest.Failure{Truncate: true}, core.KindUnavailable},
	} {
		f := newForge(t, w)
		w.Fail(func(r *http.Request) *githubtest.Failure {
			if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/statuses/") {
				return &want.failure
			}
			return nil
		})
		err := f.SetStatus(t.Context(), w.coreRepository(), report(w.head, core.ReportSuccess))
		if core.KindOf(err) != want.kind || err == nil {
			t.Errorf("%s: %v", name, err)
		}
		w.Heal()
	}
}

// A redirect must not carry a token to another host.
func TestRedirectsStayAtGitHub(t *testing.T) {
	w := newWorld(t)
	w.open(t, 1)
	strangers := make(chan string, 100)
	stranger := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		strangers <- r.Header.Get("Authorization")
	}))
	defer stranger.Close()
	for _, status := range []int{301, 302, 307, 308} {
		for name, call := range calls(w, newForge(t, w)) {
			w.Heal()
			w.Fail(func(r *http.Request) *githubtest.Failure {
				if strings.HasSuffix(r.URL.Path, "/access_tokens") && name != "Checkout" {
					return nil
				}
				return &githubtest.Failure{Status: status, Header: map[string]string{"Location": stranger.URL + r.URL.Path}}
			})
			wantError(t, fmt.Sprint(status, name), call(t.Context()), core.KindUnavailable, core.CodeUnavailable)
		}
	}
	select {
	case got := <-strangers:
		t.Errorf("a stranger was asked, with the credential %q", got)
	default:
	}
}

func TestGitHubThatHangs(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	for name, call := range calls(w, f) {
		w.Fail(func(*http.Request) *githubtest.Failure { return &githubtest.Failure{Delay: time.Hour} })
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		err := call(ctx)
		cancel()
		wantError(t, name, err, core.KindUnavailable, core.CodeUnavailable)
		w.Heal()
	}
}

func TestGitHubThatIsNotThere(t *testing.T) {
	w := newWorld(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	c := connection(w)
	c.APIURL = gone.URL
	f, err := github.NewForge(c, github.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range calls(w, f) {
		wantError(t, name, call(t.Context()), core.KindUnavailable, core.CodeUnavailable)
	}
}

func TestInstallations(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	status := func() error { return f.SetStatus(t.Context(), w.coreRepository(), report(w.head, core.ReportSuccess)) }
	checkout := func() error { _, err := f.Checkout(t.Context(), w.coreRepository()); return err }

	w.Suspend(w.repo.InstallationID)
	wantError(t, "suspended, status", status(), core.KindForbidden, github.CodeInstallationSuspended)
	wantError(t, "suspended, checkout", checkout(), core.KindForbidden, github.CodeInstallationSuspended)
	_, err := f.FindRepository(t.Context(), "acme/shop")
	wantError(t, "suspended, find", err, core.KindForbidden, github.CodeInstallationSuspended)
	w.Unsuspend(w.repo.InstallationID)
	if err := status(); err != nil {
		t.Fatal(err)
	}
	w.Suspend(w.repo.InstallationID)
	wantError(t, "suspended with a token in hand", status(), core.KindForbidden, github.CodeInstallationSuspended)
	w.Unsuspend(w.repo.InstallationID)

	if err := status(); err != nil { // with a new token
		t.Fatal(err)
	}
	w.RevokeTokens()
	wantError(t, "revoked", status(), core.KindUnavailable, core.CodeUnavailable)
	if err := status(); err != nil {
		t.Errorf("after a revoked token the next call must get a new one: %v", err)
	}

	w.Uninstall(w.repo.InstallationID)
	wantError(t, "uninstalled, checkout", checkout(), core.KindNotFound, github.CodeInstallationGone)
	wantError(t, "uninstalled, status", newForge(t, w).SetStatus(t.Context(), w.coreRepository(), report(w.head, core.ReportSuccess)), core.KindNotFound, github.CodeInstallationGone)
}

func TestTokensAreMintedOncePerInstallation(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	for i := range 5 {
		r := report(w.head, core.ReportSuccess)
		r.Description = fmt.Sprint(i)
		if err := f.SetStatus(t.Context(), w.coreRepository(), r); err != nil {
			t.Fatal(err)
		}
	}
	if w.TokensMinted() != 1 {
		t.Errorf("%d tokens for 5 statuses", w.TokensMinted())
	}
}
