// Package outboundtest has a name server whose names lead wherever a test wants. Only
// tests import it.
package outboundtest

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// NameServer is a DNS server that says what a test wants.
type NameServer struct {
	mu      sync.Mutex
	names   map[string][]string
	queries int
}

// New starts one, and returns a resolver that asks nobody else.
func New(t *testing.T) (*NameServer, *net.Resolver) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &NameServer{names: map[string][]string{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.serve(conn)
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return s, &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// Set lets a name, such as hooks.example, lead to an address from now on. With several, each
// of its questions is answered by the next, and all further ones by the last.
func (s *NameServer) Set(name string, addresses ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[strings.ToLower(name)+"."] = addresses
}

// Asked is how often somebody asked.
func (s *NameServer) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queries
}

func (s *NameServer) serve(conn net.PacketConn) {
	buffer := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buffer[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		if answer, err := s.answer(m); err == nil {
			_, _ = conn.WriteTo(answer, from)
		}
	}
}

func (s *NameServer) answer(query dnsmessage.Message) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queries++
	q := query.Questions[0]
	out := dnsmessage.Message{Header: dnsmessage.Header{ID: query.ID, Response: true, Authoritative: true}, Questions: query.Questions}
	name := strings.ToLower(q.Name.String())
	addresses := s.names[name]
	if len(addresses) == 0 {
		out.RCode = dnsmessage.RCodeNameError
		return out.Pack()
	}
	ip, err := netip.ParseAddr(addresses[0])
	if err != nil {
		return nil, err
	}
	if ours := ip.Is4() == (q.Type == dnsmessage.TypeA); ours && len(addresses) > 1 {
		s.names[name] = addresses[1:]
	}
	if ip.Is4() && q.Type == dnsmessage.TypeA {
		out.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: ip.As4()},
		}}
	} else if ip.Is6() && q.Type == dnsmessage.TypeAAAA {
		out.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()},
		}}
	}
	return out.Pack()
}
