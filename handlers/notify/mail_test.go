package notify

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/notify/notifytest"
)

const (
	mailUser     = "ci@example.com"
	mailPassword = "p@ss:w/rd"
	escaped      = "ci%40example.com:p%40ss%3Aw%2Frd@"
)

// newMail is a sender to the server, whose certificate it knows.
func newMail(t *testing.T, server *notifytest.MailServer, address, from string) *Mail {
	t.Helper()
	m, err := NewMail(address, from)
	if err != nil {
		t.Fatal(err)
	}
	m.tls.RootCAs = server.Roots
	return m
}

func letters(addresses string) core.Notification {
	return core.Notification{ID: "n1", Kind: core.NotifyEmail, Target: addresses}
}

func TestMailIsSentOverTLSWithAPassword(t *testing.T) {
	for name, c := range map[string]struct {
		scheme string
		server notifytest.MailOptions
		user   string
		secure bool
	}{
		"STARTTLS and a password": {"smtp://" + escaped, notifytest.MailOptions{StartTLS: true, Username: mailUser, Password: mailPassword}, mailUser, true},
		"TLS and a password":      {"smtps://" + escaped, notifytest.MailOptions{TLS: true, Username: mailUser, Password: mailPassword}, mailUser, true},
		"STARTTLS that is there":  {"smtp://", notifytest.MailOptions{StartTLS: true}, "", true},
		"no TLS":                  {"smtp://", notifytest.MailOptions{}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			server := notifytest.NewMailServer(t, c.server)
			m := newMail(t, server, c.scheme+server.Addr, "Oore <ci@example.com>")
			if err := m.Notify(t.Context(), letters("ann@example.com, bob@example.com"), "", finished()); err != nil {
				t.Fatal(err)
			}
			got := server.Letters()
			if len(got) != 1 || got[0].From != "ci@example.com" || !slices.Equal(got[0].To, []string{"ann@example.com", "bob@example.com"}) || got[0].User != c.user || got[0].Secure != c.secure {
				t.Fatalf("letters %+v", got)
			}
		})
	}
}

func TestAMailHasTextAndHTML(t *testing.T) {
	server := notifytest.NewMailServer(t, notifytest.MailOptions{})
	m := newMail(t, server, "smtp://"+server.Addr, "Oore <ci@example.com>")
	for range 2 { // sent again, it is the same mail
		if err := m.Notify(t.Context(), letters("ann@example.com"), "", finished()); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for _, letter := range server.Letters() {
		message, err := netmail.ReadMessage(strings.NewReader(letter.Data))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, message.Header.Get("Message-Id"))
		subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
		if err != nil || subject != "[Shop] Android #7: it <broke> & ended (main)" || message.Header.Get("Auto-Submitted") != "auto-generated" ||
			message.Header.Get("From") != `"Oore" <ci@example.com>` || message.Header.Get("To") != "<ann@example.com>" {
			t.Errorf("subject %q, %v, header %v", subject, err, message.Header)
		}
		parts := partsOf(t, message)
		if len(parts) != 2 || !strings.Contains(parts["text/plain"], "it <broke> & ended") || !strings.Contains(parts["text/html"], "it &lt;broke&gt; &amp; ended") {
			t.Errorf("parts %v", parts)
		}
		for kind, text := range parts {
			for _, link := range []string{"https://ci.example.com/builds/b1", "https://ci.example.com/projects/p1/settings/notifications"} {
				if !strings.Contains(text, link) {
					t.Errorf("%s lacks %s", kind, link)
				}
			}
		}
	}
	if !slices.Equal(ids, []string{"<d1@example.com>", "<d1@example.com>"}) {
		t.Errorf("ids %v", ids)
	}
}

func partsOf(t *testing.T, message *netmail.Message) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("it is %s, %v", kind, err)
	}
	parts := map[string]string{}
	for r := multipart.NewReader(message.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		parts[kind] = string(text)
	}
}

func TestNoNameAddsAHeaderToAMail(t *testing.T) {
	server := notifytest.NewMailServer(t, notifytest.MailOptions{})
	m := newMail(t, server, "smtp://"+server.Addr, "ci@example.com")
	const evil = "x\r\nBcc: eve@example.com\r\nX-Evil: 1\r\n\r\nbody"
	n := finished()
	n.Project.Name, n.Report.Pipeline.Name, n.Report.Build.Branch, n.Report.Description, n.Report.Build.CommitMessage = evil, evil, evil, evil, evil
	n.Text = evil
	for _, notice := range []core.Notice{n, {Event: core.NoticePing, DeliveryID: "d", Project: n.Project, Message: core.Message{Text: evil}}} {
		if err := m.Notify(t.Context(), letters("ann@example.com"), "", notice); err != nil {
			t.Fatal(err)
		}
	}
	for _, letter := range server.Letters() {
		message, err := netmail.ReadMessage(strings.NewReader(letter.Data))
		if err != nil {
			t.Fatal(err)
		}
		if len(message.Header["Bcc"])+len(message.Header["X-Evil"]) > 0 || !slices.Equal(letter.To, []string{"ann@example.com"}) {
			t.Errorf("to %v, header %v", letter.To, message.Header)
		}
	}
	err := m.Notify(t.Context(), letters("ann@example.com\r\nBcc: eve@example.com"), "", n)
	if core.KindOf(err) != core.KindInvalid || len(server.Letters()) != 2 {
		t.Errorf("an address with a line end: %v", err)
	}
}

func TestRefusedMailSaysWhetherToTryAgain(t *testing.T) {
	server := notifytest.NewMailServer(t, notifytest.MailOptions{StartTLS: true, Username: mailUser, Password: mailPassword})
	good := newMail(t, server, "smtp://"+escaped+server.Addr, "ci@example.com")
	for code, kind := range map[int]core.Kind{550: core.KindInvalid, 450: core.KindUnavailable} {
		server.Refuse(code)
		err := good.Notify(t.Context(), letters("ann@example.com"), "", ping())
		if core.KindOf(err) != kind || !strings.Contains(err.Error(), "No such mailbox here") {
			t.Errorf("%d: %v", code, err)
		}
	}
	server.Refuse(0)

	wrong := newMail(t, server, "smtp://ann:wr0ng@"+server.Addr, "ci@example.com")
	err := wrong.Notify(t.Context(), letters("ann@example.com"), "", ping())
	if core.KindOf(err) != core.KindInvalid || !strings.Contains(err.Error(), "535") || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("a wrong password: %v", err)
	}
	stranger := newMail(t, server, "smtp://"+escaped+server.Addr, "ci@example.com")
	stranger.tls.RootCAs = nil
	if err := stranger.Notify(t.Context(), letters("ann@example.com"), "", ping()); core.KindOf(err) != core.KindUnavailable {
		t.Errorf("an unknown certificate: %v", err)
	}

	plain := notifytest.NewMailServer(t, notifytest.MailOptions{Username: mailUser, Password: mailPassword})
	if err := newMail(t, plain, "smtp://"+escaped+plain.Addr, "ci@example.com").Notify(t.Context(), letters("ann@example.com"), "", ping()); core.KindOf(err) != core.KindUnavailable {
		t.Errorf("a password without TLS: %v", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if err := newMail(t, server, "smtp://"+listener.Addr().String(), "ci@example.com").Notify(t.Context(), letters("ann@example.com"), "", ping()); core.KindOf(err) != core.KindUnavailable {
		t.Errorf("a server that is down: %v", err)
	}
	if n := len(server.Letters()) + len(plain.Letters()); n != 0 {
		t.Errorf("%d letters were taken", n)
	}
}

func TestMailSettingsAreRefusedWithoutTheirPassword(t *testing.T) {
	for _, c := range []struct{ server, from, variable string }{
		{"mail.example.com", "ci@example.com", "OORE_SMTP_URL"},
		{"http://ann:s3cr3t@mail.example.com", "ci@example.com", "OORE_SMTP_URL"},
		{"smtp://ann:s3cr3t%zz@mail.example.com", "ci@example.com", "OORE_SMTP_URL"},
		{"smtp://ann:s3cr3t@mail.example.com:99999", "ci@example.com", "OORE_SMTP_URL"},
		{"smtp://ann@mail.example.com", "ci@example.com", "OORE_SMTP_URL"},
		{"smtp://ann:s3cr3t@mail.example.com/path", "ci@example.com", "OORE_SMTP_URL"},
		{"smtp://ann:s3cr3t@mail.example.com", "", "OORE_SMTP_FROM"},
		{"smtp://ann:s3cr3t@mail.example.com", "Oore", "OORE_SMTP_FROM"},
	} {
		_, err := NewMail(c.server, c.from)
		if core.KindOf(err) != core.KindInvalid || !strings.HasPrefix(err.Error(), c.variable+": ") || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s from %q: %v", c.server, c.from, err)
		}
	}
}

func TestExamineTellsHowTheMailServerIs(t *testing.T) {
	server := notifytest.NewMailServer(t, notifytest.MailOptions{StartTLS: true, Username: mailUser, Password: mailPassword})
	for name, c := range map[string]struct {
		address string
		state   core.CheckState
		says    string
	}{
		"it works":         {"smtp://" + escaped + server.Addr, core.CheckOK, "127.0.0.1"},
		"a wrong password": {"smtp://ci%40example.com:hush-hush@" + server.Addr, core.CheckFailed, "refused"},
		"nobody is there":  {"smtp://" + escaped + "127.0.0.1:9", core.CheckFailed, "cannot be used"},
	} {
		got := newMail(t, server, c.address, "Oore <ci@example.com>").Examine(t.Context())
		if got.State != c.state || !strings.Contains(got.Value, c.says) || strings.Contains(got.Value+got.Fix, "hush") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if n := len(server.Letters()); n != 0 {
		t.Errorf("%d letters were sent", n)
	}
}
