package main

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/oore-ci/oore/store/backup"
)

// tokens makes secrets of what the forges minted for us.
func (a *aviary) tokens() {
	n := 0
	for _, r := range a.gh.Requests() {
		_, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if plain, err := base64.StdEncoding.DecodeString(secret); err == nil && !r.API {
			_, secret, _ = strings.Cut(string(plain), ":")
		}
		if _, known := a.secrets["token "+secret]; len(secret) > 9 && !known {
			n++
			a.keep("token "+secret, secret)
		}
	}
	for _, secret := range a.gl.AccessTokens() {
		a.keep("token "+secret, secret)
	}
	if n == 0 {
		a.t.Error("no token was minted")
	}
}

// request asks as a client that takes what comes.
func (a *aviary) request(method, address, secret string, text []byte, headers ...string) contractAnswer {
	return (&contract{matrixWorld: &matrixWorld{program: a.program}}).request(method, address, secret, text, headers...)
}

// read asks every route that shows something, as the owner.
func (a *aviary) read() {
	rows, shown := matrixRows(a.t), 0
	w := &matrixWorld{program: a.program, member: a.things["user"]}
	for key, r := range rows {
		if r.method != http.MethodGet || r.need == "runner" || r.path == "/stream" || strings.HasSuffix(r.path, "/:id/stream") {
			continue
		}
		id := a.things[r.kind]
		if id == "" && r.kind != "none" {
			a.t.Fatalf("%s: there is no %s", key, r.kind)
		}
		got := w.send(matrixActor{secret: a.owner.session()}, r, id, a.things)
		if got.status < 400 {
			shown++
		}
		a.look(key, got.header+got.body)
	}
	if shown < 80 {
		a.t.Errorf("only %d routes showed something", shown)
	}
	for _, address := range []string{"/v1/audit-logs?format=csv&limit=200", "/v1/builds/" + a.things["build"] + "/logs", "/search?q=c4n4ry", "/v1/search?q=c4n4ry", "/builds/" + a.things["build"] + "/log.txt", "/metrics"} {
		got := a.request("GET", address, adminToken, nil, "Accept: text/csv, text/plain, */*")
		if got.status != http.StatusOK {
			a.t.Errorf("%s: %d", address, got.status)
		}
		a.look(address, string(got.body))
	}
	for _, b := range a.builds("") {
		a.look("the log of build "+fmt.Sprint(b.Number), a.rawLog(b.ID))
	}
}

func (a *aviary) commands() {
	file := filepath.Join(a.t.TempDir(), "backup")
	for _, args := range [][]string{{"doctor", "--json"}, {"verify", "--blobs"}, {"backup", "--artifacts", file}, {"secrets", "rotate-key"}} {
		got := a.command(nil, args...)
		a.look("oore "+strings.Join(args, " "), got.stdout+got.stderr)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		a.t.Fatal(err)
	}
	a.look("the file of a backup", string(data), "encryption key")
	opened, saved, err := openBackup(file)
	if err != nil {
		a.t.Fatal(err)
	}
	defer opened.Close()
	rows := 0
	err = saved.Read(backup.Contents{Row: func(table string, columns []string, row []any) error {
		rows++
		for i, value := range row {
			if data, ok := value.([]byte); ok {
				value = string(data)
			}
			a.look("the column "+table+"."+columns[i], fmt.Sprint(value))
		}
		return nil
	}})
	if err != nil || rows < 100 {
		a.t.Errorf("%d rows, %v", rows, err)
	}
}

// kept looks into every file that was written.
func (a *aviary) kept() {
	a.look("the server's log", a.output.String())
	a.look("the remote runner's log", a.far.output.String())
	a.far.signal(syscall.SIGKILL)
	data, far := a.dataDir(), a.far.args[8]
	a.folder(data, map[string]string{keyFile(data): "encryption key"})
	a.folder(far, map[string]string{membershipFile(far): "runner token"})
	if a.bucket != "" {
		a.folder(a.bucket, nil)
	}
}

func (a *aviary) folder(dir string, belongs map[string]string) {
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		a.look(path, string(data), belongs[path])
		return err
	})
	if err != nil || files == 0 {
		a.t.Errorf("%d files in %s, %v", files, dir, err)
	}
}

// doubles looks at what others were sent.
func (a *aviary) doubles() {
	for _, r := range a.gh.Requests() {
		where := "GitHub, asked " + r.Method + " " + r.Path
		belongs := ""
		if strings.HasSuffix(r.Path, "login/oauth/access_token") {
			belongs = "GitHub OAuth secret"
		}
		a.look(where, r.Path+"?"+r.Query+string(r.Body), belongs)
		r.Header.Del("Authorization")
		a.look(where+", in a header", fmt.Sprint(r.Header))
	}
	for _, r := range a.gl.Requests() {
		where := "GitLab, asked " + r.Method + " " + r.Path
		belongs := ""
		switch {
		case strings.HasSuffix(r.Path, "oauth/token"):
			belongs = "GitLab OAuth secret"
		case strings.HasSuffix(r.Path, "/hooks"):
			belongs = "webhook secret of a repository"
		}
		a.look(where, r.Path+"?"+r.Query+string(r.Body), belongs)
		for name, value := range r.Header {
			if name != "Private-Token" && name != "Authorization" {
				a.look(where+", in the header "+name, fmt.Sprint(value))
			}
		}
	}
	for _, r := range a.slack.Requests() {
		r.Header.Del("Authorization")
		a.look("Slack, asked "+r.Path, fmt.Sprint(r.Header)+r.Body, "link of Slack", "Slack bot token")
	}
	for _, h := range a.hooks.at("/hook") {
		a.look("a webhook", fmt.Sprint(h.header)+h.body)
	}
	for _, l := range a.mail.Letters() {
		a.look("a letter", fmt.Sprint(l))
	}
}
