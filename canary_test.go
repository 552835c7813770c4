package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
	"github.com/oore-ci/oore/handlers/notify/notifytest"
	"github.com/oore-ci/oore/handlers/oidc/oidctest"
	"github.com/oore-ci/oore/handlers/slack/slacktest"
	"github.com/oore-ci/oore/store/blob/blobtest"
)

// aviary is an installation in which something is secret in every place that there is
// for secrets, beside doubles of all that it speaks to.
type aviary struct {
	*site
	t      *testing.T
	gl     *gitlabtest.Server
	lab    gitlabtest.Project
	labGit *gitlabtest.GitRepo
	idp    *oidctest.Provider
	slack  *slacktest.Server
	mail   *notifytest.MailServer
	hooks  *listener
	far    *remoteRunner

	project, labProject projectView
	owner               *person
	secrets             map[string]string // what each is called → its value
	forms               map[string][]string
	things              map[string]string // of each kind one, for the routes
	watched             *processWatch
	bucket              string // its folder; empty: blobs are in the data folder
}

// canaryForms are the forms in which a secret can be read.
func canaryForms(secret string) []string {
	quoted, _ := json.Marshal(secret) // strings can be encoded always
	forms := []string{
		secret, hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))), url.QueryEscape(secret), url.PathEscape(secret), string(quoted[1 : len(quoted)-1]),
	}
	for _, code := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 { // by what stands before it, of which some bits are in the first letter
			text := code.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
			forms = append(forms, text[(shift*8+5)/6:len(text)-1])
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

func newAviary(t *testing.T, database string) *aviary {
	a := &aviary{t: t, secrets: map[string]string{}, forms: map[string][]string{}, gl: gitlabtest.New(t), labGit: gitlabtest.NewGitRepo(t), idp: oidctest.New(t), slack: slacktest.New(t), hooks: newListener(t)}
	made := func(name string) string {
		a.keep(name, fmt.Sprintf("c4n4ry/%s+%x~value", strings.ReplaceAll(name, " ", "-"), time.Now().UnixNano()))
		return a.secrets[name]
	}
	a.mail = notifytest.NewMailServer(t, notifytest.MailOptions{StartTLS: true, Username: "oore", Password: made("SMTP password")})
	gh, git := githubtest.New(t), githubtest.NewGitRepo(t)
	gh.WebhookSecret = made("GitHub webhook secret")
	a.site = &site{gh: gh, git: git, head: git.Commit("main", canaryFiles(), "First commit")}
	a.repo = gh.AddRepository("acme/shop", true, git.Dir)
	a.labGit.Commit("main", canaryFiles(), "First commit")
	a.lab = a.gl.AddProject("acme/lab", true, a.labGit.Dir)
	a.program = newProgram(t, database, gh)
	authority := filepath.Join(t.TempDir(), "mail.pem")
	if err := os.WriteFile(authority, a.mail.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	byGitHub := gh.AddOAuthApp(a.url + "/sign-in/github/callback")
	byGitLab := a.gl.AddApplication(a.url+"/sign-in/gitlab/callback", "openid", "email", "profile")
	a.env = append(a.env, "OORE_LOG_LEVEL=debug", "OORE_LOG_FORMAT=json", "OORE_METRICS_TOKEN="+made("metrics token"),
		"OORE_GITHUB_OAUTH_CLIENT_ID="+byGitHub.ClientID, "OORE_GITHUB_OAUTH_CLIENT_SECRET="+byGitHub.ClientSecret,
		"OORE_GITLAB_URL="+a.gl.URL(), "OORE_GITLAB_TOKEN="+a.gl.Token, "OORE_GITLAB_WEBHOOK_SECRET="+made("GitLab webhook secret"),
		"OORE_GITLAB_OAUTH_CLIENT_ID="+byGitLab.ID, "OORE_GITLAB_OAUTH_CLIENT_SECRET="+byGitLab.Secret,
		"OORE_GITHUB_ORGANIZATIONS=acme", "OORE_GITLAB_GROUPS=acme", "OORE_OIDC_ISSUER="+a.idp.URL(), "OORE_OIDC_CLIENT_ID="+a.idp.ClientID, "OORE_OIDC_CLIENT_SECRET="+a.idp.ClientSecret,
		"OORE_SLACK_SIGNING_SECRET="+slacktest.SigningSecret, "OORE_SLACK_BOT_TOKEN="+slacktest.BotToken, "OORE_SLACK_API_URL="+a.slack.APIURL(),
		"OORE_SMTP_URL=smtp://oore:"+url.QueryEscape(a.secrets["SMTP password"])+"@"+a.mail.Addr, "OORE_SMTP_FROM=Oore <ci@example.com>", "SSL_CERT_FILE="+authority,
		"OORE_NOTIFY_NETWORKS=127.0.0.1/32", "OORE_PROXY_HEADER=X-Forwarded-Email", "OORE_PROXY_NETWORKS=127.0.0.2/32", "OORE_PROXY_SECRET="+made("proxy secret"))
	if database != "" {
		address, dir := blobtest.NewBucket(t)
		a.bucket = dir
		a.env = append(a.env, "OORE_BLOB_URL="+address, "AWS_ACCESS_KEY_ID="+blobtest.AccessKey, "AWS_SECRET_ACCESS_KEY="+blobtest.SecretKey)
		a.keep("S3 key", blobtest.SecretKey)
	}
	a.program.start()
	a.watched = watchProcesses(t, a.cmd.Process.Pid)
	for name, value := range map[string]string{
		"admin token": adminToken, "GitHub OAuth secret": byGitHub.ClientSecret, "GitLab OAuth secret": byGitLab.Secret, "GitLab token": a.gl.Token, "OIDC client secret": a.idp.ClientSecret,
		"Slack signing secret": slacktest.SigningSecret, "Slack bot token": slacktest.BotToken, "GitHub App key": strings.Split(string(gh.PrivateKeyPEM), "\n")[3],
	} {
		a.keep(name, value)
	}
	key, err := os.ReadFile(keyFile(a.dataDir()))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(key)))
	if err != nil {
		t.Fatal(err)
	}
	a.keep("encryption key", string(plain))
	return a
}

// keep makes something a secret from now on.
func (a *aviary) keep(name, value string) {
	a.t.Helper()
	if len(value) < 10 {
		a.t.Fatalf("%s is %q", name, value)
	}
	a.secrets[name], a.forms[name] = value, canaryForms(value)
}

// look tells of every secret that a text shows, but for those that belong there.
func (a *aviary) look(where, text string, belongs ...string) {
	a.t.Helper()
	for name, forms := range a.forms {
		if slices.Contains(belongs, name) {
			continue
		}
		for _, form := range forms {
			if at := strings.Index(text, form); at >= 0 {
				a.t.Errorf("%s shows the %s as %q: …%.80s", where, name, form, text[max(0, at-40):])
				break
			}
		}
	}
}

// canaryFiles is a repository whose build shows what it can of its secrets, and fails if
// there is a file broken.
func canaryFiles() map[string]string {
	return map[string]string{".oore.yaml": `version: 1
platforms: []
secrets: [TOKEN, KEYSTORE]
commands:
  build:
    - |
      set -e
      echo "plain $TOKEN"; echo "$TOKEN" >&2; cat "$KEYSTORE"
      for s in '' x xy; do printf '%s%s' "$s" "$TOKEN" | base64 -w0; echo; done
      printf %s "$TOKEN" | base64 -w0 | tr '+/' '-_'; echo
      printf %s "$TOKEN" | od -An -v -tx1 | tr -d ' \n'; echo
      printf %s "$TOKEN" | sed 's,%,%25,g; s,/,%2F,g; s,+,%2B,g'; echo
      env; tr '\0' '\n' < /proc/self/environ; tr '\0' '\n' < /proc/$PPID/environ || true; tr '\0' ' ' < /proc/$PPID/cmdline
      printf '<testsuite><testcase name="%s" classname="c"><failure message="%s">%s</failure></testcase></testsuite>' "$TOKEN" "$TOKEN" "$TOKEN" > report.xml
      echo "lib/a.dart:3:4: error: $TOKEN is not defined"
      echo "an app" > app.txt
      sleep 0.2
    - test ! -e broken || (echo "failing with $TOKEN"; exit 3)
reports: {junit: [report.xml]}
artifacts: {patterns: [app.txt]}
`}
}

// TestNoSecretIsFoundWhereItDoesNotBelong lets an installation do what it does in a day,
// and then looks for every secret in all that it said, kept and ran.
func TestNoSecretIsFoundWhereItDoesNotBelong(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		a := newAviary(t, database)
		a.people()
		a.fill()
		heard := a.listen("/stream")
		a.work()
		a.mistakes()
		a.tokens()
		a.read()
		a.commands()
		a.stop()
		a.look("the stream of pages", heard())
		a.watched.judge(a)
		a.kept()
		a.doubles()
	})
}

func (a *aviary) people() {
	a.owner = a.person()
	_, link := a.invited("owner@example.com", "owner")
	a.keep("sign-in link", link[strings.LastIndexByte(link, '/')+1:])
	if got := a.owner.send("GET", link, nil); got.status != http.StatusSeeOther {
		a.t.Fatalf("%+v", got)
	}
	a.keep("password", "c4n4ry/password+of the owner")
	var begun struct {
		Token string `json:"session_token"`
	}
	a.mustBy(a.owner.session(), "PUT", "/v1/users/me/password", body{"new_password": a.secrets["password"]}, nil)
	a.must("POST", "/v1/auth/local/login", body{"email": "owner@example.com", "password": a.secrets["password"]}, &begun)
	a.keep("session of a password", begun.Token)
	if got := a.owner.post("/sign-in/password", url.Values{"email": {"owner@example.com"}, "password": {a.secrets["password"]}}); got.status != http.StatusSeeOther {
		a.t.Fatalf("%+v", got)
	}
	a.keep("session", a.owner.session())
	a.idp.SetPerson(oidctest.Claims{"sub": "ada", "email": "ada@example.com", "email_verified": true})
	a.gh.Visit(octocat(), false)
	tanuki := a.gl.AddUser("tanuki")
	a.gl.Visit(tanuki, false)
	a.gl.SetProfile(tanuki, gitlabtest.Profile{Email: "tanuki@example.com", Verified: true, Groups: []string{"acme"}})
	for way, email := range map[string]string{"oidc": "ada@example.com", "github": "mona@example.com", "gitlab": "tanuki@example.com"} {
		a.invited(email, "viewer")
		b := a.person()
		if got := b.through(way); got.status != http.StatusSeeOther {
			a.t.Fatalf("%s: %+v", way, got)
		}
		a.keep("session through "+way, b.session())
	}
	var token struct{ ID, Token string }
	a.mustBy(a.owner.session(), "POST", "/v1/api-tokens", body{"name": "laptop", "role": "admin"}, &token)
	a.keep("API token", token.Token)
	var invited idView
	a.must("POST", "/v1/users/invite", body{"email": "member@example.com", "role": "viewer"}, &invited)
	var sessions struct{ Sessions []idView }
	a.mustBy(a.owner.session(), "GET", "/v1/sessions", nil, &sessions)
	a.things = map[string]string{"token": token.ID, "user": invited.ID, "session": sessions.Sessions[0].ID, "unknown": unknownID}
}

func (a *aviary) fill() {
	a.project = a.githubProject("acme/shop", body{"forks": "approve"})
	a.must("POST", "/v1/projects", body{"name": "Lab", "repository": body{"provider": "gitlab", "full_name": "acme/lab"}}, &a.labProject)
	hooks := a.gl.Hooks(a.lab)
	if len(hooks) != 1 {
		a.t.Fatalf("webhooks %+v", hooks)
	}
	a.keep("webhook secret of a repository", hooks[0].Token)
	a.keep("project secret", `c4n4ry/token+"of the project's%`)
	a.keep("secret file", "c4n4ry/keystore+of the project")
	a.keep("webhook's signing secret", "c4n4ry/notification+secret")
	for _, p := range []projectView{a.project, a.labProject} {
		a.must("PUT", "/v1/projects/"+p.ID+"/secrets/TOKEN", body{"value": a.secrets["project secret"]}, nil)
		a.must("PUT", "/v1/projects/"+p.ID+"/secrets/KEYSTORE", body{"value": "a key\n" + a.secrets["secret file"] + "\n", "file": true}, nil)
	}
	pipeline := a.program.pipeline(a.project.ID, "Android", nil)
	a.program.pipeline(a.labProject.ID, "Android", nil)
	a.notification(a.project, body{"kind": "webhook", "target": a.hooks.URL + "/hook", "on": "all", "secret": a.secrets["webhook's signing secret"]})
	a.notification(a.project, body{"kind": "slack", "target": slacktest.Channel, "on": "all"})
	n := a.notification(a.project, body{"kind": "email", "target": "team@example.com", "on": "all"})
	var schedule idView
	a.must("POST", "/v1/projects/"+a.project.ID+"/schedules", body{"pipeline_id": pipeline.ID, "name": "Nightly", "cron": "0 3 * * *"}, &schedule)
	a.far = newRemoteRunner(a.t, a.url, "far", "--labels", "far")
	a.waitRunner("far", "online")
	mine, err := readMembership(a.far.args[8])
	if err != nil {
		a.t.Fatal(err)
	}
	a.keep("runner token", mine.Token)
	a.watched.follow(a.far.cmd.Process.Pid)
	maps.Copy(a.things, map[string]string{
		"project": a.project.ID, "slug": a.project.Slug, "pipeline": pipeline.ID, "notification": n.ID, "schedule": schedule.ID, "runner": a.runner("far").ID, "sha": a.head,
	})
}
