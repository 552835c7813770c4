//go:build bench

package main

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/handlers/slack/slacktest"
)

const (
	hangRate    = 500 // webhooks a second
	hangFor     = 20 * time.Second
	hangSenders = 64
)

// BenchmarkWebhooksWhileAllHangs measures answers to webhooks that come at a fixed rate
// while GitHub and Slack take requests and answer none. Each is a push of a new commit and
// so makes a build, a status and a message. An answer's time runs from the moment at which
// the webhook was due.
func BenchmarkWebhooksWhileAllHangs(b *testing.B) {
	bothDatabases(b, func(b *testing.B, open opener) {
		s := newSite(b, open(b), workflow("echo ok"), "OORE_RUNNERS=0",
			"OORE_SLACK_SIGNING_SECRET="+slacktest.SigningSecret, "OORE_SLACK_BOT_TOKEN="+slacktest.BotToken, "OORE_SLACK_API_URL=http://"+silent(b)+"/api/")
		project := s.githubProject("acme/shop", nil)
		s.program.pipeline(project.ID, "Android", nil)
		s.must("POST", "/v1/projects/"+project.ID+"/notifications", map[string]any{"kind": "slack", "target": slacktest.Channel, "on": "all"}, nil)
		webhooks := s.pushesOfCommits(int(hangRate * hangFor.Seconds()))
		asked := 0
		var mu sync.Mutex
		s.gh.Fail(func(*http.Request) *githubtest.Failure {
			mu.Lock()
			defer mu.Unlock()
			asked++
			return &githubtest.Failure{Delay: time.Hour}
		})
		took := pace(b, s.program, webhooks)
		reportQuantiles(b, took, 50, 99)
		report(b, float64(len(took))/hangFor.Seconds(), "answered/s")
		if n := s.count("/v1/deliveries?limit=1"); n != len(webhooks) {
			b.Fatalf("%d deliveries are stored, want %d", n, len(webhooks))
		}
		mu.Lock()
		defer mu.Unlock()
		if asked == 0 {
			b.Fatal("GitHub was asked nothing, so nothing hung")
		}
	})
}

// silent is the address of somebody who takes connections and says nothing.
func silent(b *testing.B) string {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var held []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			held = append(held, c)
		}
	}()
	b.Cleanup(func() {
		ln.Close()
		<-done
		for _, c := range held {
			c.Close()
		}
	})
	return ln.Addr().String()
}

// pace sends the webhooks at the rate, each at its moment or as soon as a connection is free.
func pace(b *testing.B, p *program, webhooks []webhook) []time.Duration {
	b.Helper()
	took := make([]time.Duration, len(webhooks))
	due := make(chan int, len(webhooks))
	start := time.Now()
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second / hangRate) }
	var senders sync.WaitGroup
	for range hangSenders {
		s, err := dial(p)
		if err != nil {
			b.Fatal(err)
		}
		defer s.conn.Close()
		senders.Go(func() {
			for n := range due {
				if _, err := s.post(webhooks[n]); err != nil {
					b.Error(fmt.Errorf("webhook %d: %w", n, err))
					return
				}
				took[n] = time.Since(at(n))
			}
		})
	}
	for n := range webhooks {
		time.Sleep(time.Until(at(n)))
		due <- n
	}
	close(due)
	senders.Wait()
	if b.Failed() {
		b.FailNow()
	}
	return took
}
