package api

import (
	"io"
	"mime"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

// downloadPolicy lets a browser do nothing with a file that a build made, should it
// ever show one.
const downloadPolicy = "sandbox; default-src 'none'"

// DownloadArtifact answers GET /v1/artifacts/{id}/download and the pages' own address
// of it.
func (a *API) DownloadArtifact(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Artifact")
	if err != nil {
		return err
	}
	artifact, file, err := a.app.OpenArtifact(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return a.sendOrLead(c, artifact, file)
}

// DownloadByLink answers GET /dl/{secret} to anybody.
func (a *API) DownloadByLink(c *fiber.Ctx) error {
	artifact, file, err := a.app.OpenDownloadLink(c.UserContext(), c.Params("secret"))
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	return a.sendOrLead(c, artifact, file)
}

// sendOrLead leads to where the file lies, if it may be loaded there, or sends it.
func (a *API) sendOrLead(c *fiber.Ctx, artifact core.Artifact, file io.ReadSeekCloser) error {
	direct, ok := file.(core.DirectBlob)
	if !ok || c.Method() != fiber.MethodGet {
		return a.sendFile(c, artifact, file)
	}
	address, err := direct.Link(c.UserContext(), contentType(artifact.Kind), disposition(artifact.Name))
	if err == nil && address == "" {
		return a.sendFile(c, artifact, file)
	}
	_ = file.Close()
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, "private, no-store")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	return c.Redirect(address, fiber.StatusFound)
}

// disposition has a browser save the file under its name, whatever is in it.
func disposition(name string) string {
	return mime.FormatMediaType("attachment", map[string]string{"filename": name})
}

// sendFile answers with the file or the range of it that is asked for, and closes it.
func (a *API) sendFile(c *fiber.Ctx, artifact core.Artifact, file io.ReadSeekCloser) error {
	etag := strconv.Quote(artifact.SHA256)
	c.Set(fiber.HeaderETag, etag)
	c.Set(fiber.HeaderAcceptRanges, "bytes")
	c.Set(fiber.HeaderCacheControl, "private, no-store")
	c.Set(fiber.HeaderContentSecurityPolicy, downloadPolicy)
	c.Set("Cross-Origin-Resource-Policy", "same-site")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	if matchesTag(c.Get(fiber.HeaderIfNoneMatch), etag) {
		_ = file.Close()
		return c.SendStatus(fiber.StatusNotModified)
	}
	wanted := c.Get(fiber.HeaderRange)
	if since := c.Get(fiber.HeaderIfRange); since != "" && since != etag {
		wanted = ""
	}
	part, ok := rangeOf(wanted, artifact.Size)
	if !ok {
		_ = file.Close()
		c.Set(fiber.HeaderContentRange, "bytes */"+strconv.FormatInt(artifact.Size, 10))
		return fiber.ErrRequestedRangeNotSatisfiable
	}
	if _, err := file.Seek(part.from, io.SeekStart); err != nil {
		_ = file.Close()
		return err
	}
	if part.partial {
		c.Status(fiber.StatusPartialContent)
		c.Set(fiber.HeaderContentRange, "bytes "+strconv.FormatInt(part.from, 10)+"-"+strconv.FormatInt(part.from+part.length-1, 10)+"/"+strconv.FormatInt(artifact.Size, 10))
	}
	c.Set(fiber.HeaderContentType, contentType(artifact.Kind))
	c.Set(fiber.HeaderContentDisposition, disposition(artifact.Name))
	c.Context().SetBodyStream(&fileBody{
		Reader: io.LimitReader(file, part.length), file: file, conn: c.Context().Conn(), patience: a.timing.patience,
	}, int(part.length))
	return nil
}

// contentType is what an Android phone wants to hear to install an APK; the rest is
// for saving.
func contentType(kind core.ArtifactKind) string {
	if kind == core.ArtifactAPK {
		return "application/vnd.android.package-archive"
	}
	return fiber.MIMEOctetStream
}

func matchesTag(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
			return true
		}
	}
	return false
}

// fileRange is what is sent of a file.
type fileRange struct {
	from, length int64
	partial      bool
}

// rangeOf reads a Range header. What is malformed, or asks for several ranges, is
// answered with the whole file; false: there is nothing at that place.
func rangeOf(header string, size int64) (fileRange, bool) {
	whole := fileRange{length: size}
	spec, ok := strings.CutPrefix(header, "bytes=")
	first, last, dashed := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dashed || !digits(first) || !digits(last) || first+last == "" {
		return whole, true
	}
	if first == "" { // the last bytes
		n := min(number(last), size)
		return fileRange{from: size - n, length: n, partial: true}, n > 0
	}
	from, to := number(first), size-1
	if last != "" {
		if to = min(number(last), size-1); number(last) < from {
			return whole, true
		}
	}
	return fileRange{from: from, length: to - from + 1, partial: true}, from < size
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// number reads digits; what is too large for a file is the largest there is.
func number(digits string) int64 {
	n, _ := strconv.ParseInt(digits, 10, 64) // out of range it is the nearest
	return n
}

// fileBody moves the connection's write deadline with every read, as pull does.
type fileBody struct {
	io.Reader
	file     io.Closer
	conn     net.Conn
	patience time.Duration
}

// Read implements io.Reader.
func (f *fileBody) Read(p []byte) (int, error) {
	if err := f.conn.SetWriteDeadline(time.Now().Add(f.patience)); err != nil {
		return 0, err
	}
	return f.Reader.Read(p)
}

// Close implements io.Closer; the server calls it when the answer is sent or given up.
func (f *fileBody) Close() error { return f.file.Close() }
