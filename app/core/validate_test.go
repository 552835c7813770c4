package core

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func goodProject() Project {
	return Project{
		Name: "Shop", DefaultBranch: "main", Forks: ForksApprove, Comments: CommentsAlways,
		TriggerRole: RoleViewer, Visibility: VisibleInstance, Checks: CheckStatus,
	}
}

func TestProjectValidate(t *testing.T) {
	for _, c := range []struct {
		change func(*Project)
		says   string
	}{
		{func(*Project) {}, ""},
		{func(p *Project) { p.DefaultBranch, p.Description = "", "two\nlines" }, ""},
		{func(p *Project) { p.TriggerRole = RoleMaintainer }, ""},
		{func(p *Project) { p.Name = strings.Repeat("ö", 100) }, ""},
		{func(p *Project) { p.Name = strings.Repeat("ö", 101) }, "name must have at most 100 characters"},
		{func(p *Project) { p.Name = " \t " }, "name must not be empty"},
		{func(p *Project) { p.Name = "a\nb" }, "name must be one line of printable characters"},
		{func(p *Project) { p.Description = strings.Repeat("x", 1001) }, "description must have at most 1000 characters"},
		{func(p *Project) { p.DefaultBranch = "-x" }, "default_branch must not start with - or end with ."},
		{func(p *Project) { p.Forks = "yes" }, `forks is "yes"; it must be one of ignore, approve, build`},
		{func(p *Project) { p.Comments = "" }, `comments is ""; it must be one of always, on_failure, off`},
		{func(p *Project) { p.TriggerRole = RoleAdmin }, `trigger_role is "admin"; it must be one of viewer, developer, maintainer`},
		{func(p *Project) { p.Visibility = "member" }, `visibility is "member"; it must be one of instance, members, public; did you mean "members"?`},
	} {
		p := goodProject()
		c.change(&p)
		says(t, p.Validate(), c.says)
	}
}

func says(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	if err == nil || err.Error() != want || KindOf(err) != KindInvalid || CodeOf(err) != CodeInvalidInput {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestPipelineValidate(t *testing.T) {
	command := func(c Command) func(*Pipeline) {
		return func(p *Pipeline) { p.Execution.Commands.Build = []Command{{Run: "make"}, c} }
	}
	env := func(vars ...EnvVar) func(*Pipeline) { return func(p *Pipeline) { p.Execution.Env = vars } }
	path := func(path string) func(*Pipeline) { return func(p *Pipeline) { p.ConfigPath = path } }
	for _, c := range []struct {
		change func(*Pipeline)
		says   string
	}{
		{func(*Pipeline) {}, ""},
		{path("ci/mobile/oore.yaml"), ""},
		{command(Command{Name: "Size report", Run: "ls\nls"}), ""},
		{env(EnvVar{"A", ""}, EnvVar{"B", "x\ny"}), ""},
		{func(p *Pipeline) { p.Concurrency.MaxConcurrent = 100 }, ""},
		{func(p *Pipeline) { p.Timeout = 24 * time.Hour }, ""},
		{func(p *Pipeline) { p.Name = "" }, "name must not be empty"},
		{path("/etc/passwd"), "config_path must be relative to the repository, with / between folders"},
		{path(`ci\oore.yaml`), "config_path must be relative to the repository, with / between folders"},
		{path("ci/../../oore.yaml"), `config_path must not contain "..", "." or empty parts`},
		{path(".."), `config_path must not contain "..", "." or empty parts`},
		{path(strings.Repeat("x", 513)), "config_path must have at most 512 characters"},
		{func(p *Pipeline) { p.ConfigPath, p.ConfigPathExplicit = "", true }, "config_path must not be empty"},
		{func(p *Pipeline) { p.Timeout = 0 }, "timeout_seconds must be between 1 second and 24 hours"},
		{func(p *Pipeline) { p.Timeout = 24*time.Hour + 1 }, "timeout_seconds must be between 1 second and 24 hours"},
		{func(p *Pipeline) { p.Concurrency.MaxConcurrent = -1 }, "concurrency.max_concurrent must be between 0 (no bound) and 100"},
		{func(p *Pipeline) { p.StatusContext = "" }, "status_context must not be empty"},
		{func(p *Pipeline) { p.StatusContext = "a\x00" }, "status_context must be UTF-8 text without NUL characters"},
		{func(p *Pipeline) { p.Labels = []string{"mac", "a,b"} }, "labels[1] must not contain a space or a comma"},
		{command(Command{Run: " "}), "execution_config.commands.build[1] must not be empty"},
		{command(Command{Run: "x", Name: "\x1b[1m"}), "execution_config.commands.build[1] has a name that must be one line of printable characters"},
		{command(Command{Run: strings.Repeat("x", 2049)}), "execution_config.commands.build[1] must have at most 2048 characters"},
		{func(p *Pipeline) { p.Execution.Commands.PreBuild = make([]Command, 129) }, "execution_config.commands.pre_build must have at most 128 entries"},
		{func(p *Pipeline) { p.Execution.Platforms = []string{"ios", "ios"} }, "execution_config.platforms names ios twice"},
		{func(p *Pipeline) { p.Execution.Platforms = []string{"Android"} }, `execution_config.platforms[0] is "Android"; it must be one of android, ios, macos; did you mean "android"?`},
		{func(p *Pipeline) { p.Execution.FlutterVersion = strings.Repeat("3", 65) }, "execution_config.flutter_version must have at most 64 characters"},
		{func(p *Pipeline) { p.Execution.PlatformBuildArgs = map[string][]string{"ios": {""}} }, "execution_config.platform_build_args.ios[0] must not be empty"},
		{func(p *Pipeline) { p.Execution.PlatformBuildArgs = map[string][]string{"web": nil} }, `execution_config.platform_build_args is "web"; it must be one of android, ios, macos`},
		{func(p *Pipeline) { p.Execution.PlatformCommands = map[string]string{"ios": ""} }, "execution_config.platform_commands.ios must not be empty"},
		{env(EnvVar{"A-B", "x"}), `execution_config.env[0] has the name "A-B"; a name is letters, digits and underscores, and starts with no digit`},
		{env(EnvVar{"A", "x"}, EnvVar{"A", "y"}), "execution_config.env names A twice"},
		{env(make([]EnvVar, 129)...), "execution_config.env must have at most 128 entries"},
		{env(EnvVar{strings.Repeat("A", 129), ""}), "execution_config.env[0] has a name of more than 128 characters"},
		{func(p *Pipeline) { p.Execution.ArtifactPatterns = []string{"a//b"} }, `execution_config.artifact_patterns[0] must not contain "..", "." or empty parts`},
		{func(p *Pipeline) { p.Trigger.Events = []EventKind{"merge_request"} }, `trigger_config.events[0] is "merge_request"; it must be one of push, tag, pull_request, merge_group`},
		{func(p *Pipeline) { p.Trigger.Branches = []string{"main", ""} }, "trigger_config.branches[1] must not be empty"},
		{func(p *Pipeline) { p.Trigger.Tags = []string{strings.Repeat("v", 513)} }, "trigger_config.tags[0] must have at most 512 characters"},
		{func(p *Pipeline) { p.Trigger.Paths = []string{"{a"} }, "trigger_config.paths[0] is no valid pattern; look for an unclosed [ or {"},
	} {
		p := Pipeline{Name: "Android", ConfigPath: ".oore.yaml", Timeout: time.Hour, StatusContext: "oore/android"}
		c.change(&p)
		says(t, p.Validate(), c.says)
	}
}

func TestValidSHA(t *testing.T) {
	sha1 := strings.Repeat("0123456789abcdef", 4)[:40]
	for s, want := range map[string]bool{
		sha1: true, sha1 + sha1[:24]: true, sha1[:39]: false, sha1 + "0": false, strings.ToUpper(sha1): false,
		sha1[:39] + "g": false, sha1 + "\n": false, "": false, "--upload-pack=touch x": false,
	} {
		if ValidSHA(s) != want {
			t.Errorf("ValidSHA(%q) = %v", s, !want)
		}
	}
}

// What we take must be what git takes; a leading hyphen and the limits are ours.
func TestValidRefAgreesWithGit(t *testing.T) {
	good := []string{"main", "release/1.0", "a.b", "größe", "日本", "@a", "a@", "a{b}", "a$(id)", "a`id`", "a;id", "a'b", `a"b`, "a|b", "<x>", "HEAD", "a%0ab", "refs/heads/x", "a-", "#1", "a,b"}
	bad := []string{
		"", "@", "a b", "a..b", "a~1", "a^", "a:b", "a?", "a*", "a[b", `a\b`, "a@{1}", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a.lock/b", "a.", "a\tb", "a\nb", "a\x7fb", "a\x00",
	}
	for _, name := range append(good, bad...) {
		if strings.Contains(name, "\x00") {
			continue // no argument can hold it
		}
		// As git branch and git tag do: the name alone must do, and as a branch.
		err := errors.Join(
			exec.Command("git", "check-ref-format", "--allow-onelevel", name).Run(),
			exec.Command("git", "check-ref-format", "refs/heads/"+name).Run(),
		)
		if (err == nil) != (ValidRef(name) == nil) {
			t.Errorf("%q: git says %v, we say %v", name, err, ValidRef(name))
		}
	}
	for _, name := range append(bad, "-a", "--upload-pack=touch x", "a\xff", strings.Repeat("a", 256)) {
		err := ValidRef(name)
		if KindOf(err) != KindInvalid || CodeOf(err) != CodeInvalidRef {
			t.Errorf("%q was taken, or has the wrong code: %v", name, err)
		}
	}
}
