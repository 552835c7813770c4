package runner

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/oore-ci/oore/app/core"
)

// payloads are names that run the program pwn if anybody takes them for more than a
// name.
func payloads() []string {
	return []string{
		"$(pwn)", "`pwn`", "x;pwn;", "x|pwn", "x&pwn&", "'$(pwn)'", `"$(pwn)"`, "';pwn;'", `";pwn;"`,
		"${IFS}$(pwn)", "x;pwn #", "x\npwn\n", "x\rpwn", "x\x00pwn", "x%0apwn", "$'\\x70wn'", "<(pwn)", "!pwn",
		"-upwn", "--upload-pack=pwn", "--exec=pwn", "-ccore.fsmonitor=pwn", "--config=core.sshCommand=pwn", "--output=pwn", "--",
		"@{pwn}", "HEAD:pwn", "*", "[pwn]", "../../pwn", "..", ".", "/pwn", "x//pwn", "x\\pwn", "ext::pwn", "evil::pwn",
		"refs/heads/$(pwn)", "+main:refs/heads/$(pwn)", "main:refs/x --upload-pack=pwn", "é$(pwn)", "\u202epwn", "\xff$(pwn)", "",
	}
}

// addresses are clone addresses that do the same, by what stands in them.
func addresses() []string {
	var all []string
	for _, p := range payloads() {
		all = append(all, p, "file://"+p, "ssh://"+p+"/x", "git@"+p+":x")
	}
	return append(all,
		"ext::pwn %S", "fd::0", "evil://x", "evil::https://127.0.0.1/x", "git://127.0.0.1/x", "ssh://-oProxyCommand=pwn/x", "ssh://-oProxyCommand=pwn@127.0.0.1/x",
		"-oProxyCommand=pwn:x", "git@-oProxyCommand=pwn:x", "-oProxyCommand=pwn@127.0.0.1:x", "git@127.0.0.1:-oProxyCommand=pwn", "ssh://127.0.0.1/$(pwn)",
		"git@127.0.0.1:$(pwn)", "git@127.0.0.1:';pwn;'", "ssh://git@127.0.0.1:1/`pwn`", "https://-oProxyCommand=pwn/x", "https://$(pwn)@127.0.0.1:1/x",
		"https://127.0.0.1:1/$(pwn)", "https://127.0.0.1:1/x --upload-pack=pwn", "https://127.0.0.1:1/x%0apwn", "HTTPS://127.0.0.1:1/x", "https::ext::pwn",
		"https://me:$(pwn)@127.0.0.1:1/x", "bundle::pwn", "/dev/stdin", "/etc/passwd", "|pwn", "testgit::pwn", "transport::pwn",
	)
}

// hostileRepositories are settings of a folder's own repository, and files in it, by
// which git would run something.
func hostileRepositories() map[string]string {
	return map[string]string{
		"core.fsmonitor": "pwn", "core.sshCommand": "pwn", "core.gitProxy": "pwn", "core.editor": "pwn", "core.pager": "pwn", "core.askPass": "pwn",
		"core.alternateRefsCommand": "pwn", "core.hooksPath": "hooks", "uploadpack.packObjectsHook": "pwn", "credential.helper": "!pwn", "alias.upload-pack": "!pwn",
		"alias.fetch": "!pwn", "filter.evil.smudge": "pwn", "filter.evil.process": "pwn", "filter.evil.clean": "pwn", "diff.external": "pwn", "merge.evil.driver": "pwn",
		"gpg.program": "pwn", "remote.origin.uploadpack": "pwn", "remote.origin.vcs": "evil", "receive.procReceiveRefs": "refs", "sequence.editor": "pwn",
		"includeIf.gitdir:/.path": "evil.config", "trailer.x.command": "pwn", "lfs.customtransfer.evil.path": "pwn", "extensions.partialClone": "evil",
	}
}

// trap is where it shows that pwn ran.
type trap struct {
	t   *testing.T
	dir string
}

// setTrap puts programs on the PATH that nothing of ours may start: pwn, a remote
// helper, and an ssh that obeys an option wherever it stands.
func setTrap(t *testing.T) trap {
	t.Helper()
	s := trap{t, t.TempDir()}
	bin := t.TempDir()
	const tell = "#!/bin/sh\necho \"$0 $*\" >> TRAP/ran\n"
	for name, script := range map[string]string{
		"pwn": tell, "git-remote-evil": tell, "git-remote-testgit": tell,
		"ssh": "#!/bin/sh\nfor a; do case $a in -oProxyCommand=*) ${a#-oProxyCommand=};; esac; done\nexit 255\n",
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(strings.ReplaceAll(script, "TRAP", s.dir)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	return s
}

// ran is what the trap has caught.
func (s trap) ran() string {
	data, err := os.ReadFile(filepath.Join(s.dir, "ran"))
	if err != nil && !os.IsNotExist(err) {
		s.t.Error(err)
	}
	return string(data)
}

// hostileCase is a build that something in it makes hostile.
type hostileCase struct {
	what string
	job  core.Job
	echo *string // what the build's command must print
}

func TestNothingThatIsHostileIsEverRun(t *testing.T) {
	s := setTrap(t)
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 16) // most of them wait between two tries
	mustEnd(t, house.run(t, repo.job("bait", "pwn; git ls-remote evil::x || true")), core.BuildSucceeded, "", "")
	if got := s.ran(); !strings.Contains(got, "/pwn") || !strings.Contains(got, "git-remote-evil") {
		t.Fatalf("the trap does not work: %q", got)
	}
	if err := os.Remove(filepath.Join(s.dir, "ran")); err != nil {
		t.Fatal(err)
	}

	cases := slices.Concat(repo.hostileRefs(), repo.hostileAddresses(), repo.hostileSubmodules(), repo.hostileTrees(), repo.hostileFolders(filepath.Dir(s.dir)))
	if len(cases) < 500 {
		t.Errorf("only %d cases", len(cases))
	}
	for i := range cases {
		id := fmt.Sprint("hostile-", i)
		cases[i].job.Lease = core.Lease{BuildID: id, RunnerID: "runner-1", Token: "token-" + id}
		cases[i].job.Build.ID = id
		house.submit(cases[i].job)
	}
	for i, c := range cases {
		l := house.wait(t, fmt.Sprint("hostile-", i))
		if l.result.Reason == core.ReasonRunnerError {
			t.Errorf("%s: %s", c.what, l.result.Message)
		}
		if got := string(l.bytes(core.StreamStdout)); c.echo != nil && (l.result.Status != core.BuildSucceeded || got != *c.echo+"\n") {
			t.Errorf("%s: %s, the command printed %q", c.what, l.result.Message, got)
		}
	}
	if got := s.ran(); got != "" {
		t.Errorf("of %d cases, these ran:\n%s", len(cases), got)
	}
	t.Logf("%d cases", len(cases))
}

// hostileRefs ask for refs that are none, and build commits of refs that are.
func (r *repository) hostileRefs() []hostileCase {
	var all []hostileCase
	for _, p := range payloads() {
		add := func(what string, echo bool, change func(*core.Job)) {
			job := r.job("", `printf '%s\n' "$BRANCH"`)
			change(&job)
			c := hostileCase{what: fmt.Sprintf("%s %q", what, p), job: job}
			if echo && !strings.Contains(p, "\x00") {
				c.echo = &p
			}
			all = append(all, c)
		}
		add("branch", false, func(j *core.Job) { j.Build.Branch, j.Build.SHA = p, "" })
		add("branch of a known commit", utf8.ValidString(p) && !strings.Contains(p, "\r"), func(j *core.Job) { j.Build.Branch = p })
		add("tag", false, func(j *core.Job) { j.Build.Tag, j.Build.SHA = p, "" })
		add("default branch", false, func(j *core.Job) { j.Repository.DefaultBranch, j.Build.Branch, j.Build.SHA = p, "", "" })
		add("commit", false, func(j *core.Job) { j.Build.SHA = p })
		add("repository name", false, func(j *core.Job) { j.Repository.FullName, j.Build.Branch, j.Build.SHA = p, "no-such", "" })
		add("configuration path", false, func(j *core.Job) { j.Pipeline.ConfigPath, j.Pipeline.ConfigPathExplicit = p, true })
		add("message, author and actor", false, func(j *core.Job) { j.Build.CommitMessage, j.Build.CommitAuthor, j.Build.TriggerActor = p, p, p })
		if ref := "refs/heads/" + p; exec.Command("git", "check-ref-format", ref).Run() == nil && !strings.Contains(p, "\x00") {
			r.git("update-ref", ref, r.head())
			add("branch that is there", false, func(j *core.Job) { j.Build.Branch, j.Build.SHA = p, "" })
		}
	}
	return all
}

// hostileAddresses are fetched from, or refused.
func (r *repository) hostileAddresses() []hostileCase {
	var all []hostileCase
	for i, a := range addresses() {
		job := r.job("", "true")
		job.Repository.CloneURL, job.Repository.ExternalID = a, fmt.Sprint("address-", i)
		all = append(all, hostileCase{what: fmt.Sprintf("address %q", a), job: job})
	}
	return all
}

// commitTree makes a commit of the entries, and a branch for it. An entry is
// "mode type object<TAB>name".
func (r *repository) commitTree(branch string, entries ...string) string {
	r.t.Helper()
	tree := r.pipe(strings.Join(entries, "\x00")+"\x00", "mktree", "-z", "--missing")
	commit := r.git("commit-tree", "-m", "hostile", tree)
	r.git("update-ref", "refs/heads/"+branch, commit)
	return commit
}

func (r *repository) blob(content string) string {
	r.t.Helper()
	return r.pipe(content, "hash-object", "-w", "--stdin")
}

func (r *repository) pipe(input string, args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = r.dir, strings.NewReader(input)
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("git %v: %v", args, err)
	}
	return strings.TrimSpace(string(out))
}

// inTree makes a name one that git keeps in a tree.
func inTree(name string) string {
	name = strings.NewReplacer("/", "_", "\x00", "_").Replace(name)
	if name == "" || name == "." || name == ".." {
		return name + "_"
	}
	return name
}

// hostileSubmodules are in .gitmodules, as url, path and name.
func (r *repository) hostileSubmodules() []hostileCase {
	var all []hostileCase
	add := func(what, name, path, url string) {
		text := fmt.Sprintf("[submodule %s]\n\tpath = %s\n\turl = %s\n", quoteConfig(name), quoteConfig(path), quoteConfig(url))
		sha := r.commitTree(fmt.Sprint("submodule-", len(all)), "100644 blob "+r.blob(text)+"\t.gitmodules", "160000 commit "+r.head()+"\t"+inTree(path))
		job := r.job("", "true")
		job.Build.SHA = sha
		all = append(all, hostileCase{what: fmt.Sprintf("submodule's %s %q", what, name+"|"+path+"|"+url), job: job})
	}
	for i, a := range addresses() {
		if i%3 == 0 && !strings.Contains(a, "\x00") {
			add("url", "lib", "lib", a)
		}
	}
	for _, p := range payloads() {
		if !strings.Contains(p, "\x00") {
			add("path", "lib", inTree(p), "../origin")
			add("name", p, "lib", "../origin")
		}
	}
	return all
}

// hostileTrees hold files of all names, and files that git would obey elsewhere.
func (r *repository) hostileTrees() []hostileCase {
	var all []hostileCase
	add := func(what string, entries ...string) {
		job := r.job("", "git status --porcelain; ls")
		job.Build.SHA = r.commitTree(fmt.Sprint("tree-", len(all)), entries...)
		all = append(all, hostileCase{what: what, job: job})
	}
	empty := r.blob("")
	for _, p := range payloads() {
		name := inTree(p)
		add(fmt.Sprintf("file %q", p), "100755 blob "+r.blob("#!/bin/sh\npwn\n")+"\t"+name)
		add(fmt.Sprintf("link to %q", p), "120000 blob "+r.blob(p)+"\tlink", "100644 blob "+empty+"\tx")
	}
	config := r.blob("[core]\n\tfsmonitor = pwn\n\tsshCommand = pwn\n\tbare = true\n[filter \"evil\"]\n\tsmudge = pwn\n\tprocess = pwn\n")
	attributes := r.blob("* filter=evil diff=evil merge=evil\n")
	for _, name := range []string{".gitconfig", "config", ".git-config", ".lfsconfig", "gitconfig"} {
		add("settings in "+name, "100644 blob "+config+"\t"+name, "100644 blob "+attributes+"\t.gitattributes")
	}
	head, objects := r.blob("ref: refs/heads/main\n"), r.pipe("100644 blob "+empty+"\tx\x00", "mktree", "-z")
	bare := []string{"100644 blob " + head + "\tHEAD", "100644 blob " + config + "\tconfig", "040000 tree " + objects + "\tobjects", "040000 tree " + objects + "\trefs"}
	add("a repository that lies in the open", bare...)
	add("a repository in a folder", "040000 tree "+r.pipe(strings.Join(bare, "\x00")+"\x00", "mktree", "-z")+"\tsub")
	return all
}

// hostileFolders are repositories on this machine whose own settings and hooks run
// something.
func (r *repository) hostileFolders(dir string) []hostileCase {
	var all []hostileCase
	n := 0
	for setting, value := range hostileRepositories() {
		n++
		evil := &repository{r.t, filepath.Join(dir, fmt.Sprint("folder-", n))}
		evil.must(os.MkdirAll(evil.dir, 0o755))
		evil.git("init", "-q", "-b", "main")
		evil.commit(".gitattributes", "* filter=evil\n")
		hooks := filepath.Join(evil.dir, ".git", "hooks")
		evil.must(os.MkdirAll(hooks, 0o755))
		for _, hook := range []string{"post-checkout", "pre-fetch", "post-index-change", "reference-transaction", "fsmonitor-watchman", "post-upload-pack"} {
			evil.must(os.WriteFile(filepath.Join(hooks, hook), []byte("#!/bin/sh\npwn\n"), 0o755))
		}
		job := evil.job("", "true")
		var config bytes.Buffer
		section, key, _ := strings.Cut(setting, ".")
		if i := strings.LastIndexByte(key, '.'); i >= 0 {
			fmt.Fprintf(&config, "[%s %q]\n\t%s = %s\n", section, key[:i], key[i+1:], value)
		} else {
			fmt.Fprintf(&config, "[%s]\n\t%s = %s\n", section, key, value)
		}
		f, err := os.OpenFile(filepath.Join(evil.dir, ".git", "config"), os.O_APPEND|os.O_WRONLY, 0)
		evil.must(err)
		_, err = f.Write(config.Bytes())
		evil.must(err)
		evil.must(f.Close())
		all = append(all, hostileCase{what: "folder with " + setting, job: job})
	}
	return all
}
