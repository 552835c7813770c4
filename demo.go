package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// demo is a throw-away server with a sample repository.
type demo struct {
	demoRepository
	dir    string // removed at the end
	secret string // of the sample GitHub App's webhooks
	token  string
	sha    string
}

// demoRepositoryID is the numeric id under which the sample repository plays one of GitHub's.
const demoRepositoryID = 1296269

// demoCommand is the first command of the README: a real server on throw-away data
// whose first build runs at once.
func demoCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	d, err := newDemo(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(d.dir)
	addr, err := freeAddr("127.0.0.1:8787")
	if err != nil {
		return err
	}
	base := []string{
		"--data-dir", filepath.Join(d.dir, "data"), "--local-roots", d.dir, "--admin-token", d.token,
		"--listen-addr", addr, "--log-level", "warn", "--drain", "0",
	}
	cfg, err := loadConfig("demo", append(base, args...), nil, stderr)
	if err != nil {
		return err
	}
	if err := d.connectGitHub(&cfg); err != nil {
		return err
	}
	log := newLogger(cfg, stderr)
	defer flush(log)
	r, err := newRooms(cfg, log)
	if err != nil {
		return err
	}
	r.forges[core.ProviderGitHub] = demoForge{Forge: r.forges[core.ProviderGit], clone: d.bare, integration: r.environment[0].Integration}
	delete(r.reporters, core.ProviderGitHub)
	r.demo = d.demoRepository
	s, err := assemble(ctx, cfg, r, log)
	if err != nil {
		return err
	}
	defer s.close()
	if err := d.fill(ctx, s.app, cfg, stdout); err != nil {
		return err
	}
	return s.run(ctx)
}

// connectGitHub gives the demo an App of its own, which takes webhooks that are signed
// with the demo's secret. GitHub is never asked for it.
func (d *demo) connectGitHub(cfg *Config) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	cfg.GitHubAppID, cfg.GitHubWebhookSecret = 1, d.secret
	cfg.GitHubPrivateKey = string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	return nil
}

// freeAddr is the wished address, or one with another port where that is taken.
func freeAddr(wish string) (string, error) {
	ln, err := net.Listen("tcp", wish)
	if err != nil {
		if ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return "", fmt.Errorf("find a free port: %w", err)
		}
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

func newDemo(ctx context.Context) (_ *demo, err error) {
	dir, err := os.MkdirTemp("", "oore-demo-")
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil { // macOS: /var is a link
		return nil, err
	}
	d := &demo{dir: dir, demoRepository: demoRepository{bare: filepath.Join(dir, "shop.git"), clone: filepath.Join(dir, "shop")}, secret: randomHex(), token: randomHex()}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	if _, err = d.Make(ctx); err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, "git", "-C", d.clone, "rev-parse", "HEAD").Output()
	d.sha = strings.TrimSpace(string(out))
	return d, err
}

func randomHex() string {
	var b [24]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// fill makes two projects of the one repository, one told by the folder and one
// told by webhooks, starts the first build and prints how to start more.
func (d *demo) fill(ctx context.Context, a *app.App, cfg Config, stdout io.Writer) error {
	link, err := a.EnsureOwner(ctx)
	if err != nil {
		return err
	}
	owner := core.Actor{Kind: core.ActorSystem, Name: "demo", Role: core.RoleOwner}
	project, pipeline, err := d.project(ctx, a, owner, app.CreateProject{Name: "Demo shop", LocalPath: d.bare})
	if err != nil {
		return err
	}
	if _, _, err := d.project(ctx, a, owner, app.CreateProject{
		Name: "Demo shop on GitHub", Provider: core.ProviderGitHub, FullName: "oore-demo/shop",
	}); err != nil {
		return err
	}
	b, err := a.TriggerBuild(ctx, owner, app.TriggerBuild{ProjectID: project.ID, PipelineID: pipeline.ID, Type: core.TriggerManual})
	if err != nil {
		return err
	}
	push, signature, err := d.push()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, demoText, versionLine(), link, a.BuildURL(b.ID),
		cfg.PublicURL, project.ID, d.token, pipeline.ID, d.clone, cfg.PublicURL, signature, push, d.dir)
	return err
}

const demoText = `%s · demo on throw-away data

Sign in (once):   %s
The first build:  %s

Start builds, each from another terminal:
  by API         curl -X POST %s/v1/projects/%s/builds -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' -d '{"pipeline_id":"%s","branch":"main"}'
  by git push    git -C %s commit --quiet --allow-empty -m 'Try a push' && git -C %[8]s push --quiet
  by webhook     curl -X POST %[9]s/v1/webhooks/github -H 'X-GitHub-Event: push' -H "X-GitHub-Delivery: demo-$(date +%%s)" -H 'X-Hub-Signature-256: %[10]s' -H 'Content-Type: application/json' --data-binary @%[11]s

Why something was or was not built: %[4]s/deliveries
Everything lies in %[12]s and goes when you press Ctrl-C.
`

func (d *demo) project(ctx context.Context, a *app.App, owner core.Actor, in app.CreateProject) (core.Project, core.Pipeline, error) {
	p, err := a.CreateProject(ctx, owner, in)
	if err != nil {
		return p, core.Pipeline{}, err
	}
	name := "Checks"
	pipeline, err := a.CreatePipeline(ctx, owner, p.ID, app.PipelineInput{Name: &name})
	return p, pipeline, err
}

// push writes the body of a push webhook as GitHub would send it for the sample
// repository, and signs it.
func (d *demo) push() (path, signature string, err error) {
	body, err := json.Marshal(map[string]any{
		"ref": "refs/heads/main", "before": strings.Repeat("0", 40), "after": d.sha, "created": true, "deleted": false, "forced": false,
		"repository": map[string]any{
			"id": demoRepositoryID, "name": "shop", "full_name": "oore-demo/shop", "default_branch": "main",
			"owner": map[string]any{"login": "oore-demo"},
		},
		"head_commit": map[string]any{"id": d.sha, "message": "Show what Oore does", "author": map[string]any{"name": "Oore demo"}},
		"sender":      map[string]any{"login": "demo", "id": 1}, "commits": []any{},
	})
	if err != nil {
		return "", "", err
	}
	path = filepath.Join(d.dir, "push.json")
	mac := hmac.New(sha256.New, []byte(d.secret))
	mac.Write(body)
	return path, "sha256=" + hex.EncodeToString(mac.Sum(nil)), os.WriteFile(path, body, 0o600)
}

// demoForge plays GitHub for the sample repository: it is looked up by name, and
// cloned from the folder.
type demoForge struct {
	core.Forge
	clone       string
	integration core.Integration
}

func (f demoForge) FindRepository(ctx context.Context, name string) (core.Repository, error) {
	r, err := f.Forge.FindRepository(ctx, f.clone)
	r.Provider, r.ExternalID, r.FullName = core.ProviderGitHub, fmt.Sprint(demoRepositoryID), name
	r.Host, r.IntegrationID = f.integration.Host, f.integration.ID
	return r, err
}
