package core

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func fullWorkflow() *Workflow {
	return &Workflow{
		Platforms: []string{"android"}, FlutterVersion: "3.24.5",
		Commands: Commands{
			PreBuild: []Command{{Run: "flutter pub get"}},
			Build:    []Command{{Run: "flutter build apk --release"}, {Name: "Size report", Run: "ls -la build/app/outputs"}},
		},
		PlatformBuildArgs: map[string][]string{"android": {"--split-per-abi"}},
		PlatformCommands:  map[string]string{"ios": "flutter build ipa --release"},
		Env:               []EnvVar{{Key: "BUILD_FLAVOR", Value: "staging"}},
		Secrets:           []string{"PLAY_TOKEN"},
		Cache:             []CacheRule{{Key: cacheKey(`pub-{{ hashFiles "pubspec.lock" }}`), Paths: []string{".dart_tool"}}},
		ArtifactPatterns:  []string{"**/*.apk"}, JUnitPatterns: []string{"**/test-results/*.xml"},
		Timeout: 30 * time.Minute, Labels: []string{"macos"},
		Triggers:    &Trigger{Events: []EventKind{EventPush, EventPullRequest}, Branches: []string{"main", "release/*"}},
		Concurrency: &Concurrency{CancelPrevious: true, MaxConcurrent: 2},
	}
}

func TestTheDocumentedFileIsRead(t *testing.T) {
	data, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	windows := append([]byte("\ufeff"), strings.ReplaceAll(string(data), "\n", "\r\n")...)
	for name, data := range map[string][]byte{"as documented": data, "with BOM and CRLF": windows} {
		got, err := ParseWorkflow(data)
		if err != nil || !reflect.DeepEqual(got, fullWorkflow()) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", name, err, got, fullWorkflow())
		}
	}
}

// goodWorkflow is a file and what it says.
type goodWorkflow struct {
	yaml string
	want Workflow
}

func otherWays() []goodWorkflow {
	return []goodWorkflow{
		{"version: 1", Workflow{}},
		{"---\nversion: 1\nplatforms: []\n...\n", Workflow{}},
		{"version: 1\nenv: {A: 1, B: 3.10, C: yes, D: 'x: y', E: ''}", Workflow{Env: []EnvVar{{"A", "1"}, {"B", "3.10"}, {"C", "yes"}, {"D", "x: y"}, {"E", ""}}}},
		{"version: 1\nenv: [{key: A, value: \"two\\nlines\"}]", Workflow{Env: []EnvVar{{"A", "two\nlines"}}}},
		{"version: 1\nflutter_version: 3.10", Workflow{FlutterVersion: "3.10"}},
		{"version: 1\ncommands:\n  pre_build:\n  build:\n    - |\n      echo a\n      echo b\n    - true\n", Workflow{Commands: Commands{Build: []Command{{Run: "echo a\necho b\n"}, {Run: "true"}}}}},
		{"version: 1\nplatform_build_args: {android: {extra_args: '--a --b'}, ios: []}", Workflow{PlatformBuildArgs: map[string][]string{"android": {"--a --b"}, "ios": nil}}},
		{"version: 1\nconcurrency: {cancel_in_progress: true}", Workflow{Concurrency: &Concurrency{CancelPrevious: true}}},
		{"version: 1\ncommands:\n  pre_build: &same [make deps]\n  build: *same\n", Workflow{Commands: Commands{PreBuild: []Command{{Run: "make deps"}}, Build: []Command{{Run: "make deps"}}}}},
		{"version: 1\ntriggers: {tags: ['v*'], paths: ['lib/**'], target_branches: [main], branches: ['*', '!wip/*']}", Workflow{Triggers: &Trigger{
			Tags: []string{"v*"}, Paths: []string{"lib/**"}, TargetBranches: []string{"main"}, Branches: []string{"*", "!wip/*"},
		}}},
	}
}

func TestOtherWaysToWriteTheSame(t *testing.T) {
	for _, c := range otherWays() {
		got, err := ParseWorkflow([]byte(c.yaml))
		if err != nil || !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s\n%v\n got %+v\nwant %+v", c.yaml, err, got, c.want)
		}
	}
}

// badWorkflow is a file and all its problems.
type badWorkflow struct{ yaml, want string }

func badWorkflows() []badWorkflow {
	const root = "; known are version, platforms, flutter_version, commands, platform_build_args, platform_commands, env, secrets, cache, artifacts, reports, timeout, labels, triggers, concurrency"
	entries := func(n int, of string) string { return strings.TrimSuffix(strings.Repeat(of+", ", n), ", ") }
	return []badWorkflow{
		// The file as a whole.
		{"", "1:1 the file is empty; it needs at least `version: 1` and commands"},
		{"# nothing\n", "1:1 the file is empty; it needs at least `version: 1` and commands"},
		{"null", "1:1 the file must be a mapping of keys to values"},
		{"- version: 1", "1:1 the file must be a mapping of keys to values"},
		{"version: 1\n---\nversion: 1\n", "2:1 a second document begins here; the file must hold one"},
		{"commands: {build: [make]}", "1:1 version is missing; write `version: 1`"},
		{"version: 2", "1:10 version must be 1"},
		{"version: '1'", "1:10 version must be 1"},
		{"version: 1\n\tplatforms: []", "2:1 found a tab character that violates indentation"},
		{"version: 1\nenv:\n  \tA: b", "3:3 found character that cannot start any token"},
		{"version: 1\nplatforms: [android", "2:1 did not find expected ',' or ']'"},
		{"version: [1", "1:1 did not find expected ',' or ']'"},
		{"version: 1\ncommands:\n  build:\n    - make\n   bad: x\n", "3:3 did not find expected key"},
		{"version: 1\nenv: {A: *b}", "1:1 unknown anchor 'b' referenced"},
		{"version: 1\nenv: {A: \"\x01\"}", "1:1 control characters are not allowed"},
		{"version: 1\n# " + strings.Repeat("x", MaxWorkflowBytes), "1:1 the file is larger than 256 KiB"},
		// Keys.
		{"version: 1\ncomands: {}", `2:1 unknown key "comands"; did you mean "commands"?`},
		{"version: 1\nsteps: []", `2:1 unknown key "steps"` + root},
		{"version: 1\ncommands:\n  biuld: [make]", `3:3 unknown key "biuld" in commands; did you mean "build"?`},
		{"version: 1\nversion: 1", `2:1 the key "version" is there already, on line 1`},
		{"version: 1\nenv: {A: b, A: c}", `2:13 the key "A" is there already, on line 2`},
		{"version: 1\n<<: {platforms: [ios]}", `2:1 unknown key "<<"` + root},
		{"version: 1\n? [a]\n: b", `2:3 unknown key ""` + root},
		// Values.
		{"version: 1\nplatforms: android", "2:12 platforms must be a list"},
		{"version: 1\nplatforms: [andriod]", `2:13 platforms[0] is "andriod"; it must be one of android, ios, macos; did you mean "android"?`},
		{"version: 1\nplatforms: [ios, ios]", "2:18 platforms[1] names ios a second time"},
		{"version: 1\nflutter_version: ''", "2:18 flutter_version must not be empty"},
		{"version: 1\nflutter_version: [3]", "2:18 flutter_version must be text"},
		{"version: 1\nflutter_version:", "2:17 flutter_version has no value"},
		{"version: 1\ncommands: make", "2:11 commands must be a mapping of keys to values"},
		{"version: 1\ncommands: {build: make}", "2:19 commands.build must be a list"},
		{"version: 1\ncommands: {build: ['']}", "2:20 commands.build[0] must not be empty"},
		{"version: 1\ncommands:\n  build:\n    - echo: a", `4:7 commands.build[0] is a mapping; a command is text, in quotes if it contains ": ", or {name, run}`},
		{"version: 1\ncommands: {build: [{name: x}]}", "2:20 commands.build[0] must not be empty"},
		{"version: 1\ncommands: {build: [{run: make, shell: zsh}]}", `2:32 unknown key "shell" in commands.build[0]; known are name, run`},
		{"version: 1\ncommands: {build: [{name: \"a\\e[1m\", run: make}]}", "2:27 commands.build[0].name must be one line of printable characters"},
		{"version: 1\ncommands: {build: [[make]]}", "2:20 commands.build[0] must be text"},
		{"version: 1\ncommands: {build: [\"a\\0b\"]}", "2:20 commands.build[0] must be UTF-8 text without NUL characters"},
		{"version: 1\ncommands: {build: [" + strings.Repeat("x", 2049) + "]}", "2:20 commands.build[0] must have at most 2048 characters"},
		{"version: 1\ncommands: {build: [" + entries(129, "x") + "]}", "2:19 commands.build must have at most 128 entries"},
		{"version: 1\nplatform_build_args: {windows: []}", `2:23 unknown key "windows" in platform_build_args; known are android, ios, macos`},
		{"version: 1\nplatform_build_args: {ios: {export_method: ad-hoc}}", `2:29 unknown key "export_method" in platform_build_args.ios; known are extra_args`},
		{"version: 1\nplatform_build_args: {ios: [" + entries(65, "--a") + "]}", "2:28 platform_build_args.ios must have at most 64 entries"},
		{"version: 1\nplatform_commands: {ios: ' '}", "2:26 platform_commands.ios must not be empty"},
		{"version: 1\nenv: [{key: 1A, value: x}]", `2:7 env[0] has the name "1A"; a name is letters, digits and underscores, and starts with no digit`},
		{"version: 1\nenv: [null]", "2:7 env[0] needs both key and value"},
		{"version: 1\nenv: [{key: A}]", "2:7 env[0] needs both key and value"},
		{"version: 1\nenv: [{key: A, value: x}, {key: A, value: y}]", "2:27 env[1] sets A a second time"},
		{"version: 1\nenv: [A=b]", "2:7 env[0] must be a mapping of keys to values"},
		{"version: 1\nenv: {A: [b]}", "2:10 env.A must be text"},
		{"version: 1\nenv: {A: \"\\0\"}", "2:7 env has a value that is not UTF-8 text without NUL characters"},
		{"version: 1\nenv: {A: " + strings.Repeat("x", 4097) + "}", "2:7 env has a value of more than 4096 characters"},
		{"version: 1\nsecrets: [a-b]", `2:11 secrets[0] is "a-b"; a secret's name is letters, digits and underscores, and starts with no digit`},
		{"version: 1\ncache: [{key: a}]", "2:9 cache[0] needs a key and at least one path"},
		{"version: 1\ncache: [{paths: [a]}]", "2:9 cache[0] needs a key and at least one path"},
		{"version: 1\ncache: {key: a, paths: [a]}", "2:8 cache must be a list"},
		{"version: 1\ncache:\n  - key: ''\n    paths: [a]", "3:10 cache[0].key must not be empty"},
		{"version: 1\ncache:\n  - key: a\n    paths: [a]\n    restore-keys: [a]", `5:5 unknown key "restore-keys" in cache[0]; did you mean "restore_keys"?`},
		{"version: 1\ncache:\n  - key: a\n    paths: [a]\n    restore_keys: a", "5:19 cache[0].restore_keys must be a list"},
		{"version: 1\ncache:\n  - key: a\n    paths: [a]\n    restore_keys: ['{{ x }}']", `5:20 cache[0].restore_keys[0] has {{ x }}, which is none of hashFiles "pattern", .OS and .Arch`},
		{"version: 1\ncache:\n  - key: \"a-{{ hashfiles 'x' }}\"\n    paths: [../a, ~/.ssh]", `3:10 cache[0].key has {{ hashfiles }}, which is none of hashFiles "pattern", .OS and .Arch; did you mean "hashFiles"?` +
			"\n" + `4:13 cache[0].paths[0] must not contain "..", "." or empty parts` + "\n" + `4:19 cache[0].paths[1] lies in none of the folders of a home that may be cached: ~/` + strings.Join(CacheHomes(), ", ~/")},
		{"version: 1\nartifacts: {patterns: [../*.apk]}", `2:24 artifacts.patterns[0] must not contain "..", "." or empty parts`},
		{"version: 1\nartifacts: {patterns: [/tmp/*]}", "2:24 artifacts.patterns[0] must be relative to the repository, with / between folders"},
		{"version: 1\nartifacts: {patterns: ['[a']}", "2:24 artifacts.patterns[0] is no valid pattern; look for an unclosed [ or {"},
		{"version: 1\nreports: {junit: x.xml}", "2:18 reports.junit must be a list"},
		{"version: 1\ntimeout: 30", `2:10 timeout is "30"; write a time with its unit, for example 30m or 1h30m`},
		{"version: 1\ntimeout: ''", `2:10 timeout is ""; write a time with its unit, for example 30m or 1h30m`},
		{"version: 1\ntimeout:", "2:9 timeout has no value"},
		{"version: 1\ntimeout: 25h", "2:10 timeout must be between 1 second and 24 hours"},
		{"version: 1\ntimeout: 999ms", "2:10 timeout must be between 1 second and 24 hours"},
		{"version: 1\ntimeout: -5m", "2:10 timeout must be between 1 second and 24 hours"},
		{"version: 1\nlabels: [a b]", "2:10 labels[0] must not contain a space or a comma"},
		{"version: 1\ntriggers: {events: [pushes]}", `2:21 triggers.events[0] is "pushes"; it must be one of push, tag, pull_request, merge_group; did you mean "push"?`},
		{"version: 1\ntriggers: {branches: ['!']}", "2:23 triggers.branches[0] must not be empty"},
		{"version: 1\nconcurrency: {max_concurrent: 101}", "2:31 concurrency.max_concurrent must be between 0 (no bound) and 100"},
		{"version: 1\nconcurrency: {max_concurrent: two}", "2:31 concurrency.max_concurrent must be a whole number"},
		{"version: 1\nconcurrency: {cancel_previous: yes}", "2:32 concurrency.cancel_previous must be true or false"},
		{"version: 1\nconcurrency: {cancel_previous: 1}", "2:32 concurrency.cancel_previous must be true or false"},
		{"version: 1\nconcurrency: {cancel_previous: true, cancel_in_progress: true}", "2:14 concurrency has both cancel_previous and cancel_in_progress, which mean the same; keep one"},
	}
}

func TestProblemsSayWhereAndWhat(t *testing.T) {
	for _, c := range badWorkflows() {
		_, err := ParseWorkflow([]byte(c.yaml))
		var problems *WorkflowError
		if !errors.As(err, &problems) {
			t.Errorf("%.100q: no problem found, error %v", c.yaml, err)
			continue
		}
		if got := shortly(problems.Problems); got != c.want {
			t.Errorf("%.100q\n got %s\nwant %s", c.yaml, got, c.want)
		}
	}
}

func shortly(problems []Problem) string {
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Message)
	}
	return strings.Join(lines, "\n")
}

func TestAllProblemsComeAtOnceInTheOrderOfTheFile(t *testing.T) {
	_, err := ParseWorkflow([]byte("comands: {}\nplatforms: [web]\ntimeout: soon\n"))
	const want = "line 1, column 1: unknown key \"comands\"; did you mean \"commands\"?; " +
		"line 1, column 1: version is missing; write `version: 1`; " +
		"line 2, column 13: platforms[0] is \"web\"; it must be one of android, ios, macos; " +
		"line 3, column 10: timeout is \"soon\"; write a time with its unit, for example 30m or 1h30m"
	if err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
	var e *Error
	if KindOf(err) != KindInvalid || CodeOf(err) != ReasonConfigInvalid || !errors.As(err, &e) || e.Message != want {
		t.Errorf("kind %v, code %s, message %q", KindOf(err), CodeOf(err), e.Message)
	}
}

func TestNamesThatABuildMayNotSet(t *testing.T) {
	for _, name := range []string{
		"LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "GIT_SSH_COMMAND", "BASH_ENV", "ENV", "IFS", "PATH", "PROMPT_COMMAND", "NODE_OPTIONS",
		"PYTHONPATH", "PERL5OPT", "RUBYOPT", "JAVA_TOOL_OPTIONS", "OORE_BUILD_ID", "OORE", "CI",
	} {
		for _, yaml := range []string{"version: 1\nenv: {%s: x}", "version: 1\nenv: [{key: %s, value: x}]"} {
			_, err := ParseWorkflow(fmt.Appendf(nil, yaml, name))
			if err == nil || !strings.Contains(err.Error(), "sets "+name+", which a build may not set") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, name := range []string{"FLAVOR", "_x", "GITHUB_TOKEN", "LD", "CI_MODE", "path", "PYTHO"} {
		if _, err := ParseWorkflow(fmt.Appendf(nil, "version: 1\nenv: {%s: x}", name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Ten levels of ten aliases each are ten thousand million entries if somebody unfolds them.
func TestAnAliasBombDoesNotGoOff(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i <= 10; i++ {
		alias := fmt.Sprintf("*a%d", i-1)
		fmt.Fprintf(&bomb, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(alias+", ", 10), ", "))
	}
	bomb.WriteString("commands: {build: *a10}\nenv: *a10\n")
	var problems *WorkflowError
	if _, err := ParseWorkflow([]byte(bomb.String())); !errors.As(err, &problems) || len(problems.Problems) > maxProblems {
		t.Errorf("error %v", err)
	}
	if _, err := ParseWorkflow([]byte("version: 1\ncommands: {build: &a [*a]}\n")); err == nil {
		t.Error("a list that contains itself was read")
	}
}

func TestDeepNestingIsAnError(t *testing.T) {
	if _, err := ParseWorkflow([]byte("version: 1\nenv: " + strings.Repeat("[", 200_000))); err == nil {
		t.Error("200,000 open brackets were read")
	}
	if _, err := ParseWorkflow([]byte(strings.Repeat("- ", 100_000) + "x")); err == nil {
		t.Error("100,000 lists in each other were read")
	}
}

func TestAFileThatIsWrongThroughoutGetsABoundedAnswer(t *testing.T) {
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	var problems *WorkflowError
	if _, err := ParseWorkflow([]byte(b.String())); !errors.As(err, &problems) || len(problems.Problems) != maxProblems {
		t.Errorf("%d problems", len(problems.Problems))
	}
}

func TestTheLimitsThemselvesAreAllowed(t *testing.T) {
	commands := strings.TrimSuffix(strings.Repeat("make, ", maxStageCommands), ", ")
	text := fmt.Sprintf("version: 1\ncommands: {pre_build: [%[1]s], build: [%[1]s], post_build: [%[1]s]}\n# ", commands)
	text += strings.Repeat("x", MaxWorkflowBytes-len(text))
	w, err := ParseWorkflow([]byte(text))
	if err != nil || len(w.Commands.PreBuild) != 128 || len(w.Commands.Build) != 128 || len(w.Commands.PostBuild) != 128 {
		t.Errorf("256 KiB with 128 commands a stage: %v", err)
	}
	if _, err = ParseWorkflow([]byte(text + "x")); err == nil {
		t.Error("a byte more was read")
	}
}

// Whatever comes in: an error with places inside the file, or a workflow that keeps
// the limits of the API, and then the schema takes the file too.
func FuzzParseWorkflow(f *testing.F) {
	full, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	for _, c := range otherWays() {
		f.Add([]byte(c.yaml))
	}
	for _, c := range badWorkflows() {
		f.Add([]byte(c.yaml[:min(len(c.yaml), 8<<10)]))
	}
	f.Add([]byte("version: 1\ncommands: {build: &a [*a]}\n"))
	f.Add([]byte("version: 1\n? [a]\n: !!binary x\n...\n# c\n"))
	f.Add([]byte("\xff\xfev\x00"))
	schema := compiledSchema(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := ParseWorkflow(data)
		if err != nil {
			var problems *WorkflowError
			if !errors.As(err, &problems) || len(problems.Problems) == 0 || KindOf(err) != KindInvalid {
				t.Fatalf("error %#v", err)
			}
			for _, p := range problems.Problems {
				if p.Line < 1 || p.Column < 1 || p.Message == "" {
					t.Errorf("problem %+v", p)
				}
			}
			return
		}
		c := ExecutionConfig{
			Platforms: w.Platforms, FlutterVersion: w.FlutterVersion, Commands: w.Commands,
			PlatformBuildArgs: w.PlatformBuildArgs, PlatformCommands: w.PlatformCommands, Env: w.Env, ArtifactPatterns: w.ArtifactPatterns,
		}
		if err := c.Validate(); err != nil {
			t.Errorf("the file was taken, and breaks a limit: %v", err)
		}
		if value, ok := yamlValue(data); ok {
			if err := schema.Validate(value); err != nil {
				t.Errorf("the file was taken, and the schema refuses it: %v", err)
			}
		}
		if plan, err := ResolveConfig(Pipeline{}, w); err != nil && CodeOf(err) != ReasonConfigMissing {
			t.Errorf("plan %+v, error %v", plan, err)
		}
	})
}
