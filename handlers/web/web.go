// Package web is the door for people: HTML pages over the commands of app. It reads
// requests, asks one command or two and hands core values to templates. It decides
// nothing and must not know the store, the runner or another door.
package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/sse"
	"github.com/oore-ci/oore/templates"
)

// Commands is what the pages ask of the house; *app.App gives it.
type Commands interface {
	SourceCommands
	NotificationCommands
	SecretCommands
	ScheduleCommands
	RetentionCommands
	RunnerCommands
	InstallCommands
	QueueCommands
	OverviewCommands
	ProjectCommands
	RunCommands
	InsightCommands
	SystemCommands
	BadgeCommands
	SetupCommands
	AccountCommands
	SignInCommands
	StreamCommands
	RecordCommands
	CancelBuild(ctx context.Context, actor core.Actor, id string) (core.Build, error)
	RerunBuild(ctx context.Context, actor core.Actor, id string) (core.Build, error)
	FindBuild(ctx context.Context, actor core.Actor, id string) (core.Build, error)
	FindBuildDetail(ctx context.Context, actor core.Actor, id string) (app.BuildDetail, error)
	Find(ctx context.Context, actor core.Actor, text string) (app.Found, error)
	ListBuilds(ctx context.Context, actor core.Actor, f core.BuildFilter, page core.Page) ([]core.Build, int, error)
	ReadLog(ctx context.Context, actor core.Actor, buildID string, after int64, limit int) (app.LogPage, error)
	SearchLog(ctx context.Context, actor core.Actor, buildID string, in app.LogSearch) (app.LogMatches, error)
	LogOutline(ctx context.Context, actor core.Actor, buildID string) ([]core.LogGroup, error)
	UsualTimes(ctx context.Context, actor core.Actor, b core.Build) (core.UsualTimes, error)
	TestHistory(ctx context.Context, actor core.Actor, b core.Build) ([]core.Build, error)
	FindDelivery(ctx context.Context, actor core.Actor, id string) (core.Delivery, error)
	ListDeliveries(ctx context.Context, actor core.Actor, f core.DeliveryFilter, page core.Page) ([]core.Delivery, int, error)
	EvaluateDelivery(ctx context.Context, actor core.Actor, id string) (core.Delivery, error)
	ApproveDelivery(ctx context.Context, actor core.Actor, id, sha string) (core.Delivery, error)
	Why(ctx context.Context, actor core.Actor, in app.AskWhy) (app.Why, error)
	RedeliverDelivery(ctx context.Context, actor core.Actor, id string) (core.Delivery, error)
	Ready(ctx context.Context) error
	LinkChatUser(ctx context.Context, actor core.Actor, secret string) error
}

var _ Commands = (*app.App)(nil)

// Options are what the pages stand on; all but Proxy and Stop are required.
type Options struct {
	App       Commands
	Templates *templates.Set
	PublicURL string // without a trailing slash
	Log       *slog.Logger
	Proxy     Proxy           // may be zero
	Stop      <-chan struct{} // closes when the server stops: streams end
	Sent      *sse.Streams    // sends event streams; nil: nobody counts them

	Development bool // no release: the page of the components is shown
}

// Pages are the handlers of all pages. They are safe for concurrent use.
type Pages struct {
	app       Commands
	templates *templates.Set
	publicURL string
	log       *slog.Logger
	proxy     Proxy
	stop      <-chan struct{}
	streams   sse.Count // by person
	sent      *sse.Streams
	timing    timing

	projectStreams sse.Count // by project, those of the API too

	development bool
}

// ProjectStreams counts the open streams of each project's builds.
func (p *Pages) ProjectStreams() *sse.Count { return &p.projectStreams }

// New returns the pages.
func New(o Options) *Pages {
	if o.Sent == nil {
		o.Sent = sse.NewStreams(core.NoMeter{})
	}
	return &Pages{
		app: o.App, templates: o.Templates, publicURL: o.PublicURL, log: o.Log, proxy: o.Proxy, stop: o.Stop,
		sent: o.Sent, timing: defaultTiming(), development: o.Development,
	}
}

// SessionCookie names the cookie of a signed-in browser. Over HTTPS its prefix makes
// browsers refuse one that another host or plain HTTP set.
func SessionCookie(publicURL string) string {
	if secure(publicURL) {
		return "__Host-oore"
	}
	return "oore_session"
}

func secure(publicURL string) bool { return strings.HasPrefix(publicURL, "https://") }

// policy allows nothing but our own files: what a log, a branch name or a commit
// message smuggles into a page cannot run and cannot call home.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	formAction + "; base-uri 'none'; frame-ancestors 'none'"

// formAction is the part of the policy that says where forms may go.
const formAction = "form-action 'self'"

// send renders a page and sends it with the status.
func (p *Pages) send(c *fiber.Ctx, status int, render func(io.Writer) error) error {
	var b strings.Builder
	if err := render(&b); err != nil {
		return err
	}
	c.Status(status)
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Set(fiber.HeaderContentSecurityPolicy, policy)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "same-origin")
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	c.Vary(fiber.HeaderAcceptEncoding)
	if c.Request().Header.HasAcceptEncoding("gzip") {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(fasthttp.AppendGzipBytes(nil, []byte(b.String())))
	}
	return c.SendString(b.String())
}

func page(c *fiber.Ctx, actor core.Actor, title, section, api string) templates.Page {
	return templates.Page{
		Look: look(c), Release: strings.Clone(string(c.Response().Header.Peek("Oore-Version"))), Title: title, Section: section, Actor: actor.Name, Admin: may(actor, core.ActManageInstance, nil), API: api, Now: time.Now(),
	}
}

// param, query and form copy what they return: fiber's strings are views of a buffer
// that the next request overwrites.
func param(c *fiber.Ctx, name string) string { return strings.Clone(c.Params(name)) }

func query(c *fiber.Ctx, name string) string { return text(c.Query(name)) }

func form(c *fiber.Ctx, name string) string {
	return text(c.FormValue(name))
}

// text leaves out what no database takes as text.
func text(s string) string {
	return strings.Clone(strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")))
}

// may tells whether a button makes sense; the command decides.
func may(actor core.Actor, act core.Action, p *core.Project) bool {
	return core.Allow(actor, act, p) == nil
}

// refused turns an error that a person can mend into an alert for the page that the
// person came from; other errors are handed back.
func refused(err error) (*templates.Alert, error) {
	var e *core.Error
	if errors.As(err, &e) && (e.Kind == core.KindConflict || e.Kind == core.KindInvalid || e.Kind == core.KindForbidden) {
		return &templates.Alert{State: "timed_out", Text: e.Message}, nil
	}
	return nil, err
}
