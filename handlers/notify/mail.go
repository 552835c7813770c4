package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	netmail "net/mail"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// mailTimeout bounds one mail from the first byte to the last.
const mailTimeout = 14 * time.Second

// Mail sends notices by SMTP. It is a core.Notifier.
type Mail struct {
	host    string
	secure  bool // TLS from the first byte
	tls     *tls.Config
	options []mail.Option
	from    *netmail.Address
}

// NewMail reads the server's address, smtp(s)://[user:password@]host[:port], and the
// sender's. smtps is TLS from the first byte; smtp becomes TLS by STARTTLS, always when
// there is a password and else where the server offers it. KindInvalid names the
// variable, and never the password.
func NewMail(server, from string) (*Mail, error) {
	wrong := func(text string) (*Mail, error) { return nil, core.Errorf(core.KindInvalid, "%s", text) }
	u, err := url.Parse(server) // whose error shows the whole address
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return wrong("OORE_SMTP_URL: give smtp://user:password@host:587 or smtps://user:password@host:465, with %-escapes in user and password")
	}
	sender, err := netmail.ParseAddress(from)
	if err != nil {
		return wrong("OORE_SMTP_FROM: give the sender's e-mail address, for example Oore <ci@example.com>")
	}
	m := &Mail{host: u.Hostname(), secure: u.Scheme == "smtps", from: sender}
	m.tls = &tls.Config{ServerName: m.host, MinVersion: tls.VersionTLS12}
	m.options = []mail.Option{mail.WithTimeout(callTimeout), mail.WithTLSPolicy(mail.TLSOpportunistic), mail.WithTLSConfig(m.tls)}
	port := 587
	if m.secure {
		port = 465
		m.options = append(m.options, mail.WithSSL())
	}
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil || port < 1 || port > 65535 {
			return wrong("OORE_SMTP_URL: the port is no number from 1 to 65535")
		}
	}
	m.options = append(m.options, mail.WithPort(port))
	if password, ok := u.User.Password(); ok {
		m.options = append(m.options, mail.WithTLSPolicy(mail.TLSMandatory),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin), mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	} else if u.User != nil {
		return wrong("OORE_SMTP_URL: there is a user without a password")
	}
	if _, err := mail.NewClient(m.host, m.options...); err != nil {
		return nil, core.Errorf(core.KindInvalid, "OORE_SMTP_URL: the address cannot be used").Because(err)
	}
	return m, nil
}

// Notify implements core.Notifier. A message that is sent again has its old id.
func (m *Mail) Notify(ctx context.Context, n core.Notification, _ string, notice core.Notice) error {
	message, err := m.write(n, notice)
	if err != nil {
		return core.Errorf(core.KindInvalid, "The mail cannot be written for these addresses").Because(err)
	}
	ctx, end := context.WithTimeout(ctx, mailTimeout)
	defer end()
	client, err := mail.NewClient(m.host, append(slices.Clone(m.options), mail.WithDialContextFunc(m.dialUntil(ctx)))...)
	if err != nil {
		return core.Errorf(core.KindInvalid, "The mail server's settings are wrong").Because(err)
	}
	err = client.DialAndSendWithContext(ctx, message)
	if err == nil || message.IsDelivered() { // a bad good-bye undoes nothing
		return nil
	}
	return refusedMail(m.host, err)
}

// Examine tells whether the mail server answers and takes user and password.
func (m *Mail) Examine(ctx context.Context) core.Check {
	client, err := mail.NewClient(m.host, append(slices.Clone(m.options), mail.WithDialContextFunc(m.dialUntil(ctx)))...)
	if err == nil {
		err = client.DialWithContext(ctx)
	}
	if err != nil {
		var e *core.Error
		errors.As(refusedMail(m.host, err), &e)
		return core.Fail(e.Message, "Check OORE_SMTP_URL, and that this machine reaches "+m.host)
	}
	_ = client.Close() // a bad good-bye is no matter
	return core.Good(m.host)
}

// dialUntil dials connections that close when ctx ends, which go-mail forgets to do when
// a server is not to its liking.
func (m *Mail) dialUntil(ctx context.Context) mail.DialContextFunc {
	return func(dialing context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(dialing, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { conn.Close() })
		if !m.secure {
			return conn, nil
		}
		private := tls.Client(conn, m.tls)
		return private, private.HandshakeContext(dialing)
	}
}

func (m *Mail) write(n core.Notification, notice core.Notice) (*mail.Msg, error) {
	subject, text, html := templates.Mail(notice)
	message := mail.NewMsg()
	if err := message.FromFormat(m.from.Name, m.from.Address); err != nil {
		return nil, err
	}
	if err := message.To(n.Addresses()...); err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(m.from.Address, "@")
	message.SetMessageIDWithValue(notice.DeliveryID + "@" + domain)
	message.SetDate()
	message.Subject(subject)
	message.SetGenHeader("Auto-Submitted", "auto-generated") // nobody's absence answers it
	message.SetBodyString(mail.TypeTextPlain, text)
	message.AddAlternativeString(mail.TypeTextHTML, html)
	return message, nil
}

// refusedMail sorts what a mail server said: 5xx is its last word.
func refusedMail(host string, err error) error {
	code, said := 0, ""
	var sending *mail.SendError
	var reply *textproto.Error
	switch {
	case errors.As(err, &sending):
		code = sending.ErrorCode()
		said, _, _ = strings.Cut(sending.Error(), ", affected message")
	case errors.As(err, &reply):
		code, said = reply.Code, reply.Error()
	}
	said = strings.Join(strings.Fields(said), " ")
	var network net.Error
	switch {
	case code >= 500:
		return core.Errorf(core.KindInvalid, "The mail server %s refused it: %s", host, said).Because(err)
	case code > 0:
		return core.Errorf(core.KindUnavailable, "The mail server %s did not take it yet: %s", host, said).Because(err)
	case errors.As(err, &network) && network.Timeout():
		return core.Errorf(core.KindUnavailable, "The mail server %s did not answer in time", host).Because(err)
	}
	return core.Errorf(core.KindUnavailable, "The mail server %s cannot be used", host).Because(err)
}
