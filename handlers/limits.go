package handlers

import (
	"bytes"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// Limits of a request (contract section 3).
const (
	bodyLimit        = 256 << 10
	webhookBodyLimit = 25 << 20
	slackBodyLimit   = 1 << 20
	jobBodyLimit     = 8 << 20 // a runner's log and parts of artifacts

	maxConnections     = 32 << 10
	headerLimit        = 16 << 10
	readTimeout        = 30 * time.Second
	webhookReadTimeout = 2 * time.Minute // 25 MiB over a slow line
	writeTimeout       = 30 * time.Second
	streamWriteTimeout = time.Hour // streams move their own deadline with every write
	idleTimeout        = 2 * time.Minute
)

// newServer returns an empty server with all its limits.
func newServer(onError fiber.ErrorHandler) *fiber.App {
	server := fiber.New(fiber.Config{
		AppName: "oore", DisableStartupMessage: true, ErrorHandler: onError,
		StrictRouting: true, CaseSensitive: true,
		Immutable: true, // strings of a request may outlive it
		BodyLimit: bodyLimit, Concurrency: maxConnections, ReadBufferSize: headerLimit,
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		ReduceMemoryUsage:            true, // most connections wait: streams and keep-alives
		DisablePreParseMultipartForm: true, // a webhook's signature is over the bytes as sent
		EnableTrustedProxyCheck:      true, // trusts none: fiber would take the first of X-Forwarded-For (proxies.go)
	})
	server.Server().HeaderReceived = headerReceived
	server.Server().Handler = knownMethods(server, server.Server().Handler)
	return server
}

// knownMethods answers methods that fiber has never heard of, which it would refuse
// in words of its own before any handler of ours.
func knownMethods(server *fiber.App, next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(r *fasthttp.RequestCtx) {
		if slices.Contains(fiber.DefaultMethods, string(r.Method())) {
			next(r)
			return
		}
		c := server.AcquireCtx(r)
		defer server.ReleaseCtx(c)
		c.Set(fiber.HeaderAllow, "GET, HEAD, POST, PUT, PATCH, DELETE")
		if server.ErrorHandler(c, fiber.ErrMethodNotAllowed) != nil {
			r.SetStatusCode(fiber.StatusMethodNotAllowed)
		}
	}
}

// headerReceived sets the limits of one request by its path. fiber's own hold for
// all routes alike.
func headerReceived(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	path, _, _ := bytes.Cut(h.RequestURI(), []byte("?"))
	switch {
	case bytes.Equal(path, []byte("/v1/webhooks/github")) && len(h.Peek("X-Hub-Signature-256")) > 0,
		bytes.Equal(path, []byte("/v1/webhooks/gitlab")) && len(h.Peek("X-Gitlab-Token"))+len(h.Peek("Webhook-Signature")) > 0:
		// Only who shows a proof may send much: the buffer is made before it is checked.
		return fasthttp.RequestConfig{MaxRequestBodySize: webhookBodyLimit, ReadTimeout: webhookReadTimeout}
	case bytes.HasPrefix(path, []byte("/v1/slack/")):
		return fasthttp.RequestConfig{MaxRequestBodySize: slackBodyLimit}
	case bytes.HasPrefix(path, []byte("/v1/runners/")) && bytes.Contains(path, []byte("/jobs/")) && len(h.Peek("X-Oore-Lease")) > 0:
		return fasthttp.RequestConfig{MaxRequestBodySize: jobBodyLimit, ReadTimeout: webhookReadTimeout}
	case bytes.HasSuffix(path, []byte("/stream")), bytes.HasSuffix(path, []byte("/log.txt")), bytes.Equal(path, []byte("/v1/audit-logs")),
		bytes.HasSuffix(path, []byte("/download")), bytes.HasPrefix(path, []byte("/dl/")),
		bytes.HasPrefix(path, []byte("/i/")) && bytes.HasSuffix(path, []byte("/app")):
		return fasthttp.RequestConfig{WriteTimeout: streamWriteTimeout}
	}
	return fasthttp.RequestConfig{}
}

// Bounds of lingerTooLarge.
const (
	lingerBytes = 64 << 20
	lingerTime  = 5 * time.Second
	lingerQuiet = 250 * time.Millisecond
)

// lingerTooLarge reads away what the sender of a body that is too large still
// sends. Closing the connection on unread bytes would reset it, and the sender
// would see that instead of the answer.
func lingerTooLarge(c *fiber.Ctx) {
	conn := c.Context().Conn()
	end := time.Now().Add(lingerTime)
	buffer := make([]byte, 64<<10)
	for total := 0; total < lingerBytes && time.Now().Before(end); {
		if conn.SetReadDeadline(time.Now().Add(lingerQuiet)) != nil {
			return
		}
		n, err := conn.Read(buffer)
		total += n
		if err != nil {
			return
		}
	}
}

// refuseEncoded refuses compressed bodies: a limit on what is sent would say
// nothing about what it unpacks to, and signatures are over the bytes as sent.
func refuseEncoded(c *fiber.Ctx) error {
	if c.Get(fiber.HeaderContentEncoding) != "" {
		return fiber.ErrUnsupportedMediaType
	}
	return c.Next()
}
