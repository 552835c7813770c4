// Package notifytest has doubles of what notices are brought to. Only tests import it.
package notifytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// MailOptions say how a mail server behaves.
type MailOptions struct {
	TLS                bool   // from the first byte
	StartTLS           bool   // offered
	Username, Password string // empty: nobody has to sign in
}

// Letter is a mail as it was handed over.
type Letter struct {
	From   string
	To     []string
	Data   string
	Secure bool // it came over TLS
	User   string
}

// MailServer is a real SMTP server that keeps what it is given.
type MailServer struct {
	Addr  string         // host:port
	Roots *x509.CertPool // what its certificate is signed by
	CA    []byte         // the same as PEM

	options MailOptions
	mu      sync.Mutex
	letters []Letter
	refusal error
}

// NewMailServer starts one, which ends with the test.
func NewMailServer(t testing.TB, o MailOptions) *MailServer {
	t.Helper()
	certificate, roots := selfSigned(t)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &MailServer{Addr: listener.Addr().String(), Roots: roots, CA: authority, options: o}
	server := smtp.NewServer(m)
	server.Domain, server.ReadTimeout, server.WriteTimeout = "localhost", 30*time.Second, 30*time.Second
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	if o.TLS {
		listener = tls.NewListener(listener, config)
	}
	if o.StartTLS {
		server.TLSConfig = config
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return m
}

func selfSigned(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// Letters lists what was taken.
func (m *MailServer) Letters() []Letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.letters)
}

// Refuse lets the server answer recipients with the code from now on; 0: it takes them.
func (m *MailServer) Refuse(code int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refusal = nil
	if code != 0 {
		m.refusal = &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "No such mailbox here"}
	}
}

// NewSession is go-smtp's.
func (m *MailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{server: m, conn: c}, nil
}

type session struct {
	server *MailServer
	conn   *smtp.Conn
	user   string
	letter Letter
}

func (s *session) AuthMechanisms() []string {
	if s.server.options.Password == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != s.server.options.Username || password != s.server.options.Password {
			return smtp.ErrAuthFailed
		}
		s.user = username
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.options.Password != "" && s.user == "" {
		return smtp.ErrAuthRequired
	}
	_, secure := s.conn.TLSConnectionState()
	s.letter = Letter{From: from, User: s.user, Secure: secure}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.letter.To = append(s.letter.To, to)
	return s.server.refusal
}

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.letter.Data = string(data)
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.letters = append(s.server.letters, s.letter)
	return nil
}

func (s *session) Reset() { s.letter = Letter{} }

func (s *session) Logout() error { return nil }
