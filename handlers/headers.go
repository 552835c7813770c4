package handlers

import (
	"strings"

	"github.com/gofiber/fiber/v2"
)

// contentSecurityPolicy lets a page load what this server serves, and nothing else.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func securityHeaders(publicURL string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		setSecurityHeaders(c, publicURL)
		return c.Next()
	}
}

// transportSecurity has browsers stay with HTTPS, once the server's address is one.
func transportSecurity(publicURL string) string {
	if strings.HasPrefix(publicURL, "https://") {
		return "max-age=31536000"
	}
	return ""
}

func setSecurityHeaders(c *fiber.Ctx, publicURL string) {
	if value := transportSecurity(publicURL); value != "" {
		c.Set(fiber.HeaderStrictTransportSecurity, value)
	}
	c.Set(fiber.HeaderContentSecurityPolicy, contentSecurityPolicy)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "same-origin")
}

// noStore keeps answers that are one asker's own out of every cache.
func noStore(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Next()
}
