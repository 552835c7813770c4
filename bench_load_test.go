//go:build bench

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// webhook is a delivery that is signed before the clock starts.
type webhook struct {
	id        string
	signature string
	body      []byte
}

func (s *site) webhook(n int, body []byte) webhook {
	return webhook{id: fmt.Sprintf("delivery-%06d", n), signature: s.gh.Sign(body), body: body}
}

// pushes makes payloads of pushes out of one that GitHub would send, so that no git
// process is needed for each.
type pushes struct {
	payload []byte
	branch  string
	head    string
}

func (s *site) pushes() pushes {
	return pushes{payload: s.gh.PushPayload(s.repo, "main", "", s.head), branch: "refs/heads/main", head: s.head}
}

func (p pushes) of(branch, sha string) []byte {
	body := bytes.ReplaceAll(p.payload, []byte(p.branch), []byte("refs/heads/"+branch))
	return bytes.ReplaceAll(body, []byte(p.head), []byte(sha))
}

// sender is one connection that stays open: a request is one write, an answer about
// one read. It is lean because it shares the machine with what it measures.
type sender struct {
	conn    net.Conn
	answers *bufio.Reader
	request []byte
	host    string
}

func dial(p *program) (*sender, error) {
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		return nil, err
	}
	return &sender{conn: conn, answers: bufio.NewReader(conn), host: p.addr}, nil
}

// post sends one webhook and returns how long its answer took, which must say that
// the delivery is stored and new.
func (s *sender) post(w webhook) (time.Duration, error) {
	s.request = fmt.Appendf(s.request[:0], "POST /v1/webhooks/github HTTP/1.1\r\nHost: %s\r\nUser-Agent: GitHub-Hookshot/bench\r\nAccept: */*\r\n"+
		"Content-Type: application/json\r\nX-GitHub-Event: push\r\nX-GitHub-Delivery: %s\r\nX-GitHub-Hook-ID: 1\r\n"+
		"X-GitHub-Hook-Installation-Target-Type: integration\r\n%s: %s\r\nContent-Length: %d\r\n\r\n",
		s.host, w.id, "X-Hub-Signature-256", w.signature, len(w.body))
	s.request = append(s.request, w.body...)
	start := time.Now()
	if _, err := s.conn.Write(s.request); err != nil {
		return 0, err
	}
	status, body, err := s.answer()
	took := time.Since(start)
	if err != nil {
		return 0, err
	}
	if status != "200" || !strings.Contains(body, `"ok":true`) || strings.Contains(body, "duplicate") {
		return 0, fmt.Errorf("%s was answered %s %s", w.id, status, body)
	}
	return took, nil
}

func (s *sender) answer() (status, body string, err error) {
	length := -1
	for {
		line, err := s.answers.ReadString('\n')
		if err != nil {
			return "", "", err
		}
		if line == "\r\n" {
			break
		}
		if status == "" {
			_, rest, _ := strings.Cut(line, " ")
			status, _, _ = strings.Cut(rest, " ")
		}
		if name, value, _ := strings.Cut(line, ": "); strings.EqualFold(name, "Content-Length") {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return "", "", err
			}
		}
	}
	if length < 0 {
		return "", "", errors.New("the answer has no length")
	}
	content := make([]byte, length)
	_, err = io.ReadFull(s.answers, content)
	return status, string(content), err
}

// fire sends all webhooks over a number of connections, each of which waits for its
// answer before it sends the next.
func fire(b *testing.B, p *program, connections int, webhooks []webhook) (took []time.Duration, elapsed time.Duration) {
	b.Helper()
	var wg sync.WaitGroup
	var next atomic.Int64
	took = make([]time.Duration, len(webhooks))
	senders := make([]*sender, connections)
	for i := range senders {
		s, err := dial(p)
		if err != nil {
			b.Fatal(err)
		}
		defer s.conn.Close()
		senders[i] = s
	}
	start := time.Now()
	for _, s := range senders {
		wg.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(webhooks); n = int(next.Add(1)) - 1 {
				var err error
				if took[n], err = s.post(webhooks[n]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	elapsed = time.Since(start)
	if b.Failed() {
		b.FailNow()
	}
	return took, elapsed
}

// shaOf is a commit id that no repository has.
func shaOf(n int) string { return fmt.Sprintf("%040x", n+1) }
