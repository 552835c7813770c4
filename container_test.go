package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
	"go.yaml.in/yaml/v3"
)

// instruction is a line of the Dockerfile, joined where it is continued.
type instruction struct{ word, rest string }

// stages reads the Dockerfile.
func stages(t *testing.T) (all [][]instruction) {
	t.Helper()
	data, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(string(data), "\\\n", ""), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case strings.HasPrefix(word, "#") || word == "":
			continue
		case word == "FROM":
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], instruction{word, strings.Join(strings.Fields(rest), " ")})
	}
	return all
}

func find(t *testing.T, stage []instruction, word, begins string) string {
	t.Helper()
	for _, i := range stage {
		if i.word == word && strings.HasPrefix(i.rest, begins) {
			return i.rest
		}
	}
	t.Fatalf("the Dockerfile has no %s %s", word, begins)
	return ""
}

// buildContext copies what an engine would be sent: the folder without what .dockerignore
// and git ignore.
func buildContext(t *testing.T) string {
	t.Helper()
	ignored, err := os.ReadFile(".dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	patterns := append(strings.Fields(string(ignored)), ".ci/bin")
	to := t.TempDir()
	err = filepath.WalkDir(".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if slices.ContainsFunc(patterns, func(p string) bool { return doublestar.MatchUnvalidated(strings.TrimPrefix(p, "/"), name) }) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), data, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// TestTheImageCanBeBuilt runs the commands of the first stage in what an engine would be
// sent; the compiler is told to plan its work only, which fails where a file is missing.
func TestTheImageCanBeBuilt(t *testing.T) {
	all := stages(t)
	if len(all) != 2 {
		t.Fatalf("%d stages", len(all))
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(readFile(t, "go.mod"))
	if from := find(t, all[0], "FROM", "golang:"); from != "golang:"+version[1]+" AS build" {
		t.Errorf("it is built by %s, and go.mod wants %s", from, version[1])
	}
	dir := buildContext(t)
	build := swap(t, find(t, all[0], "RUN", "CGO_ENABLED"), "go build ", "go build -n ", "-o /oore", "-o "+filepath.Join(dir, "made"))
	for _, command := range []string{find(t, all[0], "RUN", "go mod"), build} {
		cmd := exec.Command("/bin/sh", "-c", command)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "VERSION=1.2.3")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
	if find(t, all[1], "COPY", "--from=build") != "--from=build /oore /usr/local/bin/oore" {
		t.Error("the program does not come into the image")
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestTheImageStarts does what the second stage does, in a folder of its own, and starts
// the program as a container does.
func TestTheImageStarts(t *testing.T) {
	stage := stages(t)[1]
	root := t.TempDir()
	for command := range strings.SplitSeq(find(t, stage, "RUN", "apt-get"), "&&") {
		args := strings.Fields(command)
		switch {
		case args[0] == "apt-get" && slices.Contains(args, "install"):
			packagesExist(t, args[slices.Index(args, "install")+1:])
		case args[0] == "apt-get" || args[0] == "rm":
		case args[0] == "useradd":
			addUser(t, root, args[1:])
		case args[0] == "install":
			own := regexp.MustCompile(`-[og] oore `).ReplaceAllString(strings.Join(args[1:], " "), "")
			mustRun(t, "install", strings.Fields(swap(t, own, "/data", filepath.Join(root, "data")))...)
		default:
			t.Errorf("%q is not tried", command)
		}
	}
	if info, err := os.Stat(filepath.Join(root, "data")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	var entry, arguments []string
	for word, into := range map[string]*[]string{"ENTRYPOINT": &entry, "CMD": &arguments} {
		if err := json.Unmarshal([]byte(find(t, stage, word, "[")), into); err != nil {
			t.Fatal(err)
		}
	}
	if find(t, stage, "USER", "") != "oore" || path.Base(entry[0]) != "oore" || !slices.Equal(arguments, []string{"serve"}) {
		t.Errorf("it starts %q %q", entry, arguments)
	}
	variables := strings.Fields(find(t, stage, "ENV", ""))
	p := newProgram(t, "", nil)
	_, port, _ := strings.Cut(p.addr, ":")
	p.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + root, "OORE_ADMIN_TOKEN=" + adminToken, "OORE_LOCAL_ROOTS=" + os.TempDir()}
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		mustKnow(t, "Dockerfile", name)
		p.env = append(p.env, name+"="+strings.NewReplacer("/data", filepath.Join(root, "data"), ":8787", ":"+port).Replace(value))
	}
	if find(t, stage, "EXPOSE", "") != "8787" || find(t, stage, "VOLUME", "") != "/data" || len(variables) != 2 {
		t.Errorf("port, volume or variables differ: %q", variables)
	}
	p.start()
	_, project, pipeline := p.shopWith(t, "echo built")
	p.runs(project, pipeline, "succeeded")
}

func mustRun(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Errorf("%s %q: %v: %s", name, args, err, out)
	}
}

// packagesExist asks the system's lists, where there are some.
func packagesExist(t *testing.T, args []string) {
	t.Helper()
	for _, name := range args {
		if strings.HasPrefix(name, "-") || exec.Command("apt-cache", "show", "debianutils").Run() != nil {
			continue
		}
		mustRun(t, "apt-cache", "show", name)
	}
}

// addUser makes the image's user in a folder that stands for the image; that takes root.
func addUser(t *testing.T, root string, args []string) {
	t.Helper()
	if _, err := exec.LookPath("useradd"); err != nil || os.Getuid() != 0 {
		t.Log("NOT TESTED: ONLY ROOT CAN ADD THE IMAGE'S USER")
		return
	}
	image := filepath.Join(root, "image")
	for _, dir := range []string{"etc/default", "home"} {
		if err := os.MkdirAll(filepath.Join(image, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"etc/passwd", "etc/group", "etc/shadow"} {
		if err := os.WriteFile(filepath.Join(image, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, "useradd", append([]string{"--prefix", image}, args...)...)
	if text := readFile(t, filepath.Join(image, "etc/passwd")); !strings.HasPrefix(text, "oore:x:10001:") {
		t.Errorf("the users are %q", text)
	}
}

// TestComposeSetsWhatTheProgramReads reads compose.yaml, and the settings of its server as
// the server does.
func TestComposeSetsWhatTheProgramReads(t *testing.T) {
	var file struct {
		Services map[string]struct {
			Build, Image string
			Environment  map[string]string
			Volumes      []string
			Ports        []string
			DependsOn    map[string]struct{ Condition string } `yaml:"depends_on"`
			Healthcheck  struct{ Test []string }
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal([]byte(readFile(t, "compose.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	server, db := file.Services["oore"], file.Services["db"]
	variable := regexp.MustCompile(`\$\{(\w+)(?::[-?]([^}]*))?\}`)
	for _, ref := range variable.FindAllStringSubmatch(readFile(t, "compose.yaml"), -1) {
		mustKnow(t, "compose.yaml by .env, which the server is given too,", ref[1])
	}
	set := map[string]string{"OORE_ADMIN_TOKEN": adminToken}
	env := map[string]string{"HOME": t.TempDir()}
	for name, value := range server.Environment {
		mustKnow(t, "compose.yaml", name)
		env[name] = variable.ReplaceAllStringFunc(value, func(ref string) string {
			parts := variable.FindStringSubmatch(ref)
			if given := set[parts[1]]; given != "" {
				return given
			}
			return parts[2]
		})
	}
	cfg, err := load(environOf(env))
	if err != nil || cfg.PublicURL != "http://127.0.0.1:8787" || cfg.AdminToken != adminToken || cfg.DatabaseURL != "postgres://oore:oore@db:5432/oore?sslmode=disable" {
		t.Errorf("%v, %s, %s", err, cfg.PublicURL, cfg.DatabaseURL)
	}
	if db.Environment["POSTGRES_USER"] != "oore" || db.Environment["POSTGRES_DB"] != "oore" || db.Environment["POSTGRES_PASSWORD"] != "${POSTGRES_PASSWORD:-oore}" {
		t.Errorf("the database is another: %v", db.Environment)
	}
	if server.Build != "." || server.DependsOn["db"].Condition != "service_healthy" || len(db.Healthcheck.Test) < 2 || db.Healthcheck.Test[0] != "CMD" {
		t.Errorf("%+v, %+v", server, db)
	}
	for _, mount := range slices.Concat(server.Volumes, db.Volumes) {
		name, _, _ := strings.Cut(mount, ":")
		if _, ok := file.Volumes[name]; !ok {
			t.Errorf("there is no volume %s", name)
		}
	}
}
