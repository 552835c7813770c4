//go:build bench

package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/runner"
)

const (
	farRunners   = 32
	farFor       = 10 * time.Second
	flushLines   = 15 // of 80 bytes: what a build that prints 1 MB in 864 s sends in a second
	waitingReads = 500
)

// farRunner is a machine elsewhere with a build that runs.
type farRunner struct {
	*runner.Remote
	self core.Runner
	job  *core.Job
}

func (p *program) farRunners(b *testing.B, count int) []farRunner {
	b.Helper()
	ctx := b.Context()
	git := githubtest.NewGitRepo(b)
	git.Commit("main", workflow("echo elsewhere"), "First commit")
	var project projectView
	p.must("POST", "/v1/projects", body{"name": "Shop", "local_repository_path": git.Dir}, &project)
	pipeline := p.pipeline(project.ID, "Android", body{"trigger_config": body{"branches": []string{"none"}}})
	all := make([]farRunner, count)
	for i := range all {
		var made struct{ Token string }
		p.must("POST", "/v1/runners/register", body{"name": fmt.Sprint("far ", i), "platform": "linux/x64"}, &made)
		remote, err := runner.NewRemote(runner.RemoteOptions{Server: p.url, Token: made.Token, Version: "1", Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		self, err := remote.Identify(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if err := remote.Heartbeat(ctx, beatOf(self, true)); err != nil {
			b.Fatal(err)
		}
		p.must("POST", "/v1/projects/"+project.ID+"/builds", body{"pipeline_id": pipeline.ID}, nil)
		job, err := remote.Claim(ctx, self, 20*time.Second)
		if err != nil || job == nil {
			b.Fatalf("claimed %v, %v", job, err)
		}
		if err := remote.Start(ctx, job.Lease, strings.Repeat("ab", 20)); err != nil {
			b.Fatal(err)
		}
		all[i] = farRunner{remote, self, job}
	}
	return all
}

func beatOf(self core.Runner, first bool) core.RunnerBeat {
	return core.RunnerBeat{RunnerID: self.ID, Session: "session", First: first, Platform: "linux/x64", Version: "1", Slots: 1}
}

// oneFlush is the n-th of a build's log.
func oneFlush(buildID string, n int) core.LogChunk {
	records := make([]core.LogRecord, flushLines)
	for i := range records {
		records[i] = core.LogRecord{Sequence: int64(n*flushLines + i), Content: []byte(strings.Repeat("Gradle ", 11) + "..."), Step: "build", Time: time.Now()}
	}
	return core.EncodeLog(buildID, records)
}

// asOftenAsItGoes calls f for every runner at once for a while, and reports how many calls
// there were in a second.
func asOftenAsItGoes(b *testing.B, all []farRunner, unit string, f func(ctx context.Context, r farRunner, n int) error) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), farFor)
	defer cancel()
	var calls atomic.Int64
	var group sync.WaitGroup
	start := time.Now()
	for _, r := range all {
		group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if err := f(context.WithoutCancel(ctx), r, n); err != nil {
					b.Error(err)
					return
				}
				calls.Add(1)
			}
		})
	}
	group.Wait()
	report(b, float64(calls.Load())/time.Since(start).Seconds(), unit)
}

// BenchmarkFarRunners is what 32 remote runners, each with a build, get through by HTTP:
// flushes of their logs, and then beats each with the renewal of a lease.
func BenchmarkFarRunners(b *testing.B) {
	bothDatabases(b, func(b *testing.B, open opener) {
		p := newProgram(b, open(b), nil, "OORE_RUNNERS=0").start()
		all := p.farRunners(b, farRunners)
		asOftenAsItGoes(b, all, "flushes/s", func(ctx context.Context, r farRunner, n int) error {
			return r.AppendLog(ctx, r.job.Lease, []core.LogChunk{oneFlush(r.job.Build.ID, n)})
		})
		asOftenAsItGoes(b, all, "beats/s", func(ctx context.Context, r farRunner, _ int) error {
			if err := r.Heartbeat(ctx, beatOf(r.self, false)); err != nil {
				return err
			}
			_, err := r.Renew(ctx, r.job.Lease, 0)
			return err
		})
	})
}

// BenchmarkStreamsThatWait is what the server keeps in memory for a reader of a log in which
// nothing happens.
func BenchmarkStreamsThatWait(b *testing.B) {
	bothDatabases(b, func(b *testing.B, open opener) {
		p := newProgram(b, open(b), nil, "OORE_RUNNERS=0").start()
		all := p.farRunners(b, 1)
		before := p.footprint(b)
		for range waitingReads {
			conn, err := askForLog(p, all[0].job.Build.ID)
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
		}
		await(b, "all streams are open", func() bool { return p.streams(b) == waitingReads })
		report(b, (p.footprint(b).megabytes-before.megabytes)*1000/waitingReads, "kB/stream")
	})
}
