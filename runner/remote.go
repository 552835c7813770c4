package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	leaseHeader    = "X-Oore-Lease"
	protocolHeader = "X-Oore-Protocol"
	// answerTime is how long a call may take beyond what it asks the server to wait. Over
	// HTTP/1 a line that went dead without a word is noticed by it: whoever gives a call up
	// closes its connection. Over HTTP/2 many calls share one, which outlives them all; so
	// one on which nothing came for as long is asked for a sign of life, and given up without.
	answerTime = 15 * time.Second
	// bulkTime is answerTime for calls that carry or move much.
	bulkTime = 5 * time.Minute
	// joinPause is between questions whether the server has put a file together, each of
	// which it answers after a while.
	joinPause = time.Second
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 32 << 20
)

// RemoteOptions say where a server is and who asks. All but Version are required.
type RemoteOptions struct {
	Server  string // its address, http:// or https://
	Token   string // an administrator's to register, the runner's own for all else
	Version string // ours, told to the server
	Log     *slog.Logger
}

// Remote is a server on another machine, as a runner sees it. It is safe for concurrent
// use.
type Remote struct {
	base  string // ends in /v1/runners/
	token string
	agent string
	http  *http.Client
	log   *slog.Logger
	id    string // set by Identify
}

var _ Jobs = (*Remote)(nil)

// NewRemote prepares to ask a server; nothing is asked yet.
func NewRemote(o RemoteOptions) (*Remote, error) {
	u, err := url.Parse(o.Server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q is no plain http:// or https:// address of a server", o.Server)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	transport.IdleConnTimeout = 30 * time.Second // below the server's and most proxies'
	transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: answerTime, PingTimeout: answerTime}
	return &Remote{
		base: strings.TrimRight(o.Server, "/") + "/v1/runners/", token: o.Token, agent: "oore-runner/" + o.Version, log: o.Log,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token is for this address
		},
	}, nil
}

// Identify asks the server whose token it is, until it answers, and speaks for that
// runner from then on. The runner's labels are all that it has.
func (r *Remote) Identify(ctx context.Context) (self core.Runner, err error) {
	err = r.insist(ctx, func() error {
		self, err = r.Self(ctx)
		return err
	})
	r.id = self.ID
	return self, err
}

// Self asks once whose token it is.
func (r *Remote) Self(ctx context.Context) (self core.Runner, err error) {
	err = r.call(ctx, request{method: http.MethodGet, path: "self", out: &self})
	if err == nil && self.ID == "" {
		err = core.Errorf(core.KindInvalid, "%s does not answer as an Oore server does", r.base)
	}
	return self, err
}

// Register makes a new runner, with an administrator's token, and returns the runner's
// own token, which nobody can ask for again.
func (r *Remote) Register(ctx context.Context, runner core.Runner) (token string, err error) {
	in := map[string]any{"name": runner.Name, "labels": runner.Labels, "platform": runner.Platform, "slots": runner.Slots}
	var out struct{ Token string }
	err = r.insist(ctx, func() error { return r.call(ctx, request{path: "register", in: in, out: &out}) })
	return out.Token, err
}

// insist asks until there is an answer.
func (r *Remote) insist(ctx context.Context, ask func() error) error {
	return persist(ctx, func() error {
		err := ask()
		if err != nil && !refused(err) && ctx.Err() == nil {
			r.log.Warn("wait for the server", "server", r.base, "error", err)
		}
		return err
	})
}

// Heartbeat is Jobs'.
func (r *Remote) Heartbeat(ctx context.Context, b core.RunnerBeat) error {
	return r.call(ctx, request{path: r.id + "/heartbeat", in: b})
}

// Claim is Jobs'.
func (r *Remote) Claim(ctx context.Context, _ core.Runner, wait time.Duration) (*core.Job, error) {
	var job core.Job
	err := r.call(ctx, request{path: r.id + "/claim?" + seconds(wait), out: &job, time: wait + answerTime})
	if err != nil || job.Build.ID == "" {
		return nil, err
	}
	return &job, nil
}

func seconds(wait time.Duration) string { return "wait=" + strconv.Itoa(int(wait.Seconds())) }

// Renew is Jobs'.
func (r *Remote) Renew(ctx context.Context, l core.Lease, wait time.Duration) (core.Renewal, error) {
	var renewal core.Renewal
	err := r.call(ctx, r.about(l, request{path: "renew?" + seconds(wait), out: &renewal, time: wait + answerTime}))
	return renewal, err
}

// Checkout is Jobs'.
func (r *Remote) Checkout(ctx context.Context, l core.Lease) (core.Checkout, error) {
	var from core.Checkout
	err := r.call(ctx, r.about(l, request{path: "checkout", out: &from}))
	return from, err
}

// Secrets is Jobs'.
func (r *Remote) Secrets(ctx context.Context, l core.Lease, names []string) ([]core.SecretValue, error) {
	var out struct{ Secrets []core.SecretValue }
	err := r.call(ctx, r.about(l, request{path: "secrets", in: map[string]any{"names": names}, out: &out}))
	return out.Secrets, err
}

// Start is Jobs'.
func (r *Remote) Start(ctx context.Context, l core.Lease, sha string) error {
	return r.call(ctx, r.about(l, request{path: "start", in: map[string]string{"commit_sha": sha}}))
}

// AppendLog is Jobs'.
func (r *Remote) AppendLog(ctx context.Context, l core.Lease, chunks []core.LogChunk) error {
	return r.call(ctx, r.about(l, request{path: "logs", in: map[string]any{"chunks": chunks}, time: bulkTime}))
}

// ReportStep is Jobs'.
func (r *Remote) ReportStep(ctx context.Context, l core.Lease, s core.Step) error {
	return r.call(ctx, r.about(l, request{path: "steps", in: s}))
}

// Record is Jobs'.
func (r *Remote) Record(ctx context.Context, l core.Lease, record core.Record) error {
	return r.call(ctx, r.about(l, request{path: "record", in: record, time: bulkTime}))
}

// Finish is Jobs'.
func (r *Remote) Finish(ctx context.Context, l core.Lease, result core.Result) error {
	return r.call(ctx, r.about(l, request{path: "finish", in: result}))
}

// PutArtifact is Jobs'. The file goes in parts, each again until the server has it.
func (r *Remote) PutArtifact(ctx context.Context, l core.Lease, a core.Artifact, file io.Reader) error {
	parts := []string{}
	buffer := make([]byte, min(core.ArtifactPart, max(a.Size, 1)))
	for last := false; !last; {
		n, err := io.ReadFull(file, buffer)
		last = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return fmt.Errorf("read %s: %w", a.Name, err)
		}
		if n == 0 && last {
			break
		}
		var kept struct{ SHA256 string }
		put := r.about(l, request{path: "artifacts/parts", bytes: buffer[:n], out: &kept, time: bulkTime})
		if err := persist(ctx, func() error { return r.call(ctx, put) }); err != nil {
			return err
		}
		parts = append(parts, kept.SHA256)
	}
	join := r.about(l, request{path: "artifacts", in: map[string]any{"artifact": a, "parts": parts}, prefer: "respond-async", time: bulkTime})
	err := persist(ctx, func() error {
		for {
			err := r.call(ctx, join)
			if core.CodeOf(err) != core.CodeArtifactJoining || !pause(ctx, joinPause) {
				return err
			}
		}
	})
	if core.CodeOf(err) == core.CodePartMissing { // swept away meanwhile: begin anew
		return core.Errorf(core.KindUnavailable, "The server lost a part of %s", a.Name).Because(err)
	}
	return err
}
