//go:build bench

package main

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// BenchmarkWebhooks measures deliveries that are answered 200, which is to say
// stored durably. Deciding about them goes on at the same time.
func BenchmarkWebhooks(b *testing.B) {
	bothDatabases(b, func(b *testing.B, open opener) {
		for _, connections := range []int{1, 16, 32, 64} {
			b.Run(fmt.Sprintf("no-match/%d-conn", connections), func(b *testing.B) {
				unmatchedWebhooks(b, open(b), connections)
			})
		}
		for _, connections := range []int{1, 16, 32, 64} {
			b.Run(fmt.Sprintf("builds/%d-conn", connections), func(b *testing.B) {
				buildingWebhooks(b, open(b), connections)
			})
		}
	})
}

func deliveriesFor(connections int) int {
	if connections == 1 {
		return 2000
	}
	return 8000
}

// unmatchedWebhooks sends pushes to a branch that the repository's pipeline does not
// build.
func unmatchedWebhooks(b *testing.B, database string, connections int) {
	s := newSite(b, database, workflow("echo ok"), "OORE_RUNNERS=0")
	s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Release", map[string]any{
		"trigger_config": map[string]any{"branches": []string{"release/*"}},
	})
	body := s.pushes().payload
	webhooks := make([]webhook, deliveriesFor(connections))
	for n := range webhooks {
		webhooks[n] = s.webhook(n, body)
	}
	s.measureWebhooks(b, connections, webhooks)
	if n := s.count("/v1/deliveries?limit=1&status=ignored"); n != len(webhooks) {
		b.Fatalf("%d deliveries were ignored, want %d", n, len(webhooks))
	}
}

// buildingWebhooks sends pushes of as many commits, each of which makes a build that
// no runner takes. Their statuses go out as slowly as GitHub wants it.
func buildingWebhooks(b *testing.B, database string, connections int) {
	s := newSite(b, database, workflow("echo ok"), "OORE_RUNNERS=0")
	s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
	acceptStatuses(s.gh)
	webhooks := s.pushesOfCommits(deliveriesFor(connections))
	s.measureWebhooks(b, connections, webhooks)
	if n := s.count("/v1/builds?limit=1&status=queued"); n != len(webhooks) {
		b.Fatalf("%d builds are queued, want %d", n, len(webhooks))
	}
}

// pushesOfCommits are signed pushes of commits that differ.
func (s *site) pushesOfCommits(count int) []webhook {
	p := s.pushes()
	webhooks := make([]webhook, count)
	for n := range webhooks {
		webhooks[n] = s.webhook(n, p.of("main", shaOf(n)))
	}
	return webhooks
}

func (s *site) measureWebhooks(b *testing.B, connections int, webhooks []webhook) {
	b.Helper()
	start := time.Now()
	took, elapsed := fire(b, s.program, connections, webhooks)
	await(b, "every delivery is decided", func() bool { return s.count("/v1/deliveries?limit=1&status=received") == 0 })
	decided := time.Since(start)
	if n := s.count("/v1/deliveries?limit=1"); n != len(webhooks) {
		b.Fatalf("%d deliveries are stored, want %d", n, len(webhooks))
	}
	report(b, float64(len(webhooks))/elapsed.Seconds(), "acknowledged/s")
	report(b, float64(len(webhooks))/decided.Seconds(), "decided/s")
	reportQuantiles(b, took, 50, 99)
}

// BenchmarkMemory measures what the server needs while nothing happens, and what
// 1,500 webhooks, each of a new commit and so of a new build, make of it.
func BenchmarkMemory(b *testing.B) {
	bothDatabases(b, func(b *testing.B, open opener) {
		s := newSite(b, open(b), workflow("echo ok"))
		s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", map[string]any{"labels": []string{"elsewhere"}})
		acceptStatuses(s.gh)
		time.Sleep(5 * time.Second) // at rest is what is being measured
		rest := s.footprint(b)
		report(b, rest.megabytes, "rest-MB")
		report(b, rest.descriptors, "rest-fds")

		webhooks := s.pushesOfCommits(1500)
		stop := make(chan struct{})
		peaks := make(chan footprint)
		go func() {
			var peak footprint
			for {
				u := s.footprint(b)
				peak = footprint{max(peak.megabytes, u.megabytes), max(peak.descriptors, u.descriptors)}
				select {
				case <-stop:
					peaks <- peak
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		}()
		fire(b, s.program, 32, webhooks)
		await(b, "every delivery is decided", func() bool { return s.count("/v1/deliveries?limit=1&status=processed") == len(webhooks) })
		close(stop)
		peak := <-peaks
		time.Sleep(5 * time.Second)
		after := s.footprint(b)
		report(b, peak.megabytes, "peak-MB")
		report(b, peak.descriptors, "peak-fds")
		report(b, after.megabytes, "after-MB")
		report(b, after.descriptors, "after-fds")
	})
}

// footprint is what the system says of the server's process, its shims left out.
type footprint struct{ megabytes, descriptors float64 }

func (p *program) footprint(b *testing.B) footprint {
	b.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	return footprint{residentMB(b, int64(p.cmd.Process.Pid)), float64(len(open))}
}
