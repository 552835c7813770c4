package handlers

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/api"
)

// measure counts requests by their route, never by their path. It answers errors
// itself, so that it knows the status.
func measure(meter core.Meter, onError fiber.ErrorHandler) fiber.Handler {
	for _, route := range webhookRoutes() {
		provider, events := senders(route)
		for _, event := range append(events, "other") {
			meter.Note(core.MetricWebhooks, 0, provider, event, badSignature) // an alert sees no first rise of a series that was not there
		}
	}
	return func(c *fiber.Ctx) error {
		start := time.Now()
		err := c.Next()
		route := c.Route().Path
		var unknown *fiber.Error
		if errors.As(err, &unknown) {
			route = "none"
		}
		if err != nil {
			if err := onError(c, err); err != nil {
				return err
			}
		}
		status, took := c.Response().StatusCode(), time.Since(start).Seconds()
		meter.Note(core.MetricRequests, 1, c.Method(), route, strconv.Itoa(status))
		meter.Note(core.MetricRequestTime, took, c.Method(), route)
		if status == http.StatusUnauthorized {
			meter.Note(core.MetricAuthFailures, 1, area(route))
		}
		if provider, event := sender(c, route); provider != "" {
			meter.Note(core.MetricWebhooks, 1, provider, event, received(c, status))
			meter.Note(core.MetricWebhookAck, took, provider)
		}
		return nil
	}
}

const badSignature = "bad_signature"

// area is whose door a route is.
func area(route string) string {
	switch {
	case strings.HasPrefix(route, "/v1/webhooks/"), strings.HasPrefix(route, "/v1/slack/"):
		return "webhook"
	case strings.HasPrefix(route, "/v1/runners/"):
		return "runner"
	case strings.HasPrefix(route, "/v1/"):
		return "api"
	case route == "/metrics":
		return "metrics"
	}
	return "page"
}

// webhookRoutes are where messages arrive.
func webhookRoutes() []string {
	return []string{"/v1/webhooks/github", "/v1/webhooks/gitlab", "/v1/slack/commands", "/v1/slack/interactions"}
}

// senders tells whose messages arrive at a route (empty: nobody's), and the events that the
// provider documents.
func senders(route string) (provider string, events []string) {
	switch route {
	case "/v1/webhooks/github":
		return "github", []string{
			"push", "pull_request", "issue_comment", "merge_group", "check_run", "check_suite", "installation", "installation_repositories",
			"repository", "ping", "create", "delete", "pull_request_review_comment", "status", "workflow_run",
		}
	case "/v1/webhooks/gitlab":
		return "gitlab", []string{"Push Hook", "Tag Push Hook", "Merge Request Hook", "Note Hook", "Pipeline Hook", "Job Hook", "System Hook"}
	case "/v1/slack/commands", "/v1/slack/interactions":
		return "slack", []string{strings.TrimPrefix(route, "/v1/slack/")}
	}
	return "", nil
}

// sender tells whose message arrived and its event, which is one of those that the
// provider documents, or other.
func sender(c *fiber.Ctx, route string) (provider, event string) {
	provider, known := senders(route)
	switch provider {
	case "github":
		event = c.Get("X-GitHub-Event")
	case "gitlab":
		event = c.Get("X-Gitlab-Event")
	case "slack":
		event = known[0]
	}
	if !slices.Contains(known, event) {
		event = "other"
	}
	return provider, event
}

func received(c *fiber.Ctx, status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return badSignature
	case status == http.StatusRequestEntityTooLarge:
		return "too_large"
	case status >= http.StatusInternalServerError, len(c.Response().Header.Peek(core.HeaderNotStored)) > 0:
		return "error"
	case status >= http.StatusBadRequest:
		return "refused"
	case bytes.Contains(c.Response().Body(), []byte(`"duplicate":true`)):
		return "duplicate"
	}
	return "accepted"
}

// scrape answers GET /metrics, to whoever watches over the server.
func (a *auth) scrape(o Options) fiber.Handler {
	show := adaptor.HTTPHandler(o.Metrics)
	watches := a.watches(o.MetricsToken)
	return func(c *fiber.Ctx) error {
		if err := watches(c); err != nil {
			return err
		}
		return show(c)
	}
}

// ready answers GET /readyz: 503 whatever the fault, since that is what a load balancer
// asks. Why is for whoever watches over the server; the log has it too.
func (a *auth) ready(o Options) fiber.Handler {
	watches := a.watches(o.MetricsToken)
	return func(c *fiber.Ctx) error {
		err := a.app.Ready(c.UserContext())
		select {
		case <-o.Draining:
			err = core.Errorf(core.KindUnavailable, "The server is draining: it takes no more builds, and stops soon").Because(err)
		default:
		}
		if err == nil {
			return c.JSON(fiber.Map{"ok": true})
		}
		if core.KindOf(err) == core.KindUnavailable && watches(c) == nil {
			return err
		}
		return core.Errorf(core.KindUnavailable, "The server is not ready").Because(err)
	}
}

// watches lets in whoever watches over the server: on this machine anybody, elsewhere
// whoever has the token for its figures or is an admin. What a proxy on this machine hands
// on is not from here.
func (a *auth) watches(token string) func(*fiber.Ctx) error {
	wanted := sha256.Sum256([]byte(token))
	return func(c *fiber.Ctx) error {
		if local(c) {
			return nil
		}
		secret, ok := api.BearerToken(c)
		given := sha256.Sum256([]byte(secret))
		if ok && token != "" && subtle.ConstantTimeCompare(given[:], wanted[:]) == 1 {
			return nil
		}
		actor, err := a.actor(c)
		if err != nil {
			return err
		}
		return core.Allow(actor, core.ActManageInstance, nil)
	}
}

func local(c *fiber.Ctx) bool {
	ip := net.ParseIP(c.IP())
	forwarded := slices.ContainsFunc([]string{fiber.HeaderXForwardedFor, fiber.HeaderForwarded, "X-Real-Ip", fiber.HeaderVia}, func(h string) bool { return c.Get(h) != "" })
	return ip != nil && ip.IsLoopback() && !forwarded
}
