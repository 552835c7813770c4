package core

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func steps(plan Plan) string {
	lines := make([]string, len(plan.Steps))
	for i, s := range plan.Steps {
		lines[i] = s.Name + ": " + s.Run
	}
	return strings.Join(lines, "\n")
}

func TestABuildOfSomePlatformsAlone(t *testing.T) {
	for _, c := range []struct{ yaml, asked, want, says string }{
		{
			"platforms: [ios, android]\ncommands: {pre_build: [a]}", "android",
			"pre_build-1: a\nbuild-1: flutter pub get\nbuild-2: flutter build apk --release", "",
		},
		{"platforms: [macos, ios, android]", "android ios", "build-1: flutter pub get\nbuild-2: flutter build ios --release --no-codesign\nbuild-3: flutter build apk --release", ""},
		{"platforms: [android]", "ios", "", "asked for ios, which is not among the configuration's platforms (android)"},
		{"platforms: [android, ios]", "ios macos", "", "asked for macos, which"},
		{"commands: {pre_build: [a]}", "ios", "", "platforms (none)"},
		{"platforms: [ios]\ncommands: {build: [make]}", "ios", "", "commands.build says what to run for all platforms"},
	} {
		file, err := ParseWorkflow([]byte("version: 1\n" + c.yaml))
		if err != nil {
			t.Fatal(err)
		}
		plan, err := ResolveConfig(Pipeline{}, file, strings.Fields(c.asked)...)
		if c.says != "" && (CodeOf(err) != ReasonConfigInvalid || !strings.Contains(MessageOf(err), c.says)) || c.says == "" && (err != nil || steps(plan) != c.want) {
			t.Errorf("%s of %q: %v\n got %s\nwant %s", c.asked, c.yaml, err, steps(plan), c.want)
		}
	}
	file, err := ParseWorkflow([]byte("version: 1\nplatforms: [ios, android]\nplatform_commands: {ios: x}"))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := ResolveConfig(Pipeline{}, file, "android")
	if err != nil || len(plan.Notes) != 0 || len(file.Platforms) != 2 {
		t.Errorf("%v, notes %q, the file has %v now", err, plan.Notes, file.Platforms)
	}
	for _, p := range plan.ArtifactPatterns {
		if strings.Contains(p, "ios") || strings.Contains(p, "ipa") {
			t.Errorf("it looks for %s", p)
		}
	}
	if _, err := ResolveConfig(Pipeline{Execution: ExecutionConfig{Platforms: []string{"android"}}}, nil, "ios"); CodeOf(err) != ReasonConfigInvalid {
		t.Errorf("the pipeline's own configuration: %v", err)
	}
}

func TestThePlanOfAFile(t *testing.T) {
	for _, c := range []struct{ name, yaml, want string }{
		{
			"commands run in the order of their stages",
			"commands: {post_build: [c], pre_build: [a], build: [b, {name: Size, run: d}, e]}",
			"pre_build-1: a\nbuild-1: b\nSize: d\nbuild-3: e\npost_build-1: c",
		},
		{
			"names are unique",
			"commands: {pre_build: [{name: x, run: a}], build: [{name: x, run: b}, {name: build-3, run: c}, d, {name: x, run: e}]}",
			"x: a\nx (2): b\nbuild-3: c\nbuild-3 (2): d\nx (3): e",
		},
		{
			"platforms without build commands have defaults",
			"platforms: [android, ios, macos]\ncommands: {pre_build: [a], post_build: [z]}",
			"pre_build-1: a\nbuild-1: flutter pub get\nbuild-2: flutter build apk --release\n" +
				"build-3: flutter build ios --release --no-codesign\nbuild-4: flutter build macos --release\npost_build-1: z",
		},
		{
			"arguments and commands of a platform",
			"platforms: [ios, android]\nplatform_build_args: {android: [--split-per-abi, --build-number=$BUILD_NUMBER], ios: [--x]}\nplatform_commands: {ios: flutter build ipa}",
			"build-1: flutter pub get\nbuild-2: flutter build ipa\nbuild-3: flutter build apk --release --split-per-abi --build-number=$BUILD_NUMBER",
		},
		{
			"build commands say all",
			"platforms: [android]\ncommands: {build: [make]}",
			"build-1: make",
		},
		{
			"our own steps keep their names",
			"commands: {build: [{name: Save cache, run: a}, {name: checkout, run: b}]}",
			"Save cache (2): a\ncheckout (2): b",
		},
		{
			"one stage is enough",
			"commands: {pre_build: [make]}",
			"pre_build-1: make",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, err := ParseWorkflow([]byte("version: 1\n" + c.yaml))
			if err != nil {
				t.Fatal(err)
			}
			plan, err := ResolveConfig(Pipeline{Execution: ExecutionConfig{Commands: Commands{Build: []Command{{Run: "never"}}}}}, file)
			if err != nil || steps(plan) != c.want {
				t.Errorf("%v\n got %s\nwant %s", err, steps(plan), c.want)
			}
			for _, s := range plan.Steps {
				if s.Always {
					t.Errorf("%s runs after a failure", s.Name)
				}
			}
		})
	}
}

func TestWithoutAFileThePipelineDecides(t *testing.T) {
	p := Pipeline{Timeout: time.Hour, Execution: ExecutionConfig{
		Platforms: []string{"android"}, FlutterVersion: "3.24", PlatformBuildArgs: map[string][]string{"android": {"--debug"}},
		Env: []EnvVar{{"A", "b"}}, ArtifactPatterns: []string{"*.apk"}, Commands: Commands{PostBuild: []Command{{Run: "ls"}}},
	}}
	plan, err := ResolveConfig(p, nil)
	want := Plan{
		Steps: []PlanStep{
			{Name: "build-1", Run: "flutter pub get"},
			{Name: "build-2", Run: "flutter build apk --release --debug"},
			{Name: "post_build-1", Run: "ls"},
		},
		FlutterVersion: "3.24", Env: []EnvVar{{"A", "b"}}, ArtifactPatterns: []string{"*.apk"}, ArtifactsRequired: true,
	}
	if err != nil || !reflect.DeepEqual(plan, want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, plan, want)
	}
}

func TestNothingToRunSaysWhatToWriteWhere(t *testing.T) {
	explicit := Pipeline{ConfigPath: "ci/oore.yaml", ConfigPathExplicit: true}
	for _, c := range []struct {
		pipeline Pipeline
		file     *Workflow
		where    string
	}{
		{Pipeline{}, nil, ".oore.yaml or .oore.yml"},
		{Pipeline{}, &Workflow{Env: []EnvVar{{"A", "b"}}}, ".oore.yaml or .oore.yml"},
		{explicit, nil, "ci/oore.yaml"},
	} {
		plan, err := ResolveConfig(c.pipeline, c.file)
		if KindOf(err) != KindInvalid || CodeOf(err) != ReasonConfigMissing || !strings.Contains(err.Error(), "into "+c.where+" in the repository") {
			t.Errorf("plan %+v, error %v", plan, err)
		}
	}
}

func TestWhatIsNotActedOnIsNoted(t *testing.T) {
	plan, err := ResolveConfig(Pipeline{}, fullWorkflow())
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, key := range []string{"labels", "triggers", "concurrency"} {
		want = append(want, "`"+key+"` differs from the pipeline's. The file's is taken over when the default branch is pushed, and counts from the next event on.")
	}
	want = append(want, "`platform_build_args` and `platform_commands` are not used, because `commands.build` says what to run.")
	if !reflect.DeepEqual(plan.Notes, want) {
		t.Errorf("notes\n%s", strings.Join(plan.Notes, "\n"))
	}
	if plan.Timeout != 30*time.Minute {
		t.Errorf("timeout %v", plan.Timeout)
	}

	var follows Pipeline
	follows.TakeOver(fullWorkflow(), ".oore.yaml", "")
	if plan, err = ResolveConfig(follows, fullWorkflow()); err != nil || len(plan.Notes) != 1 {
		t.Errorf("notes %q of what was taken over, error %v", plan.Notes, err)
	}
	plan, err = ResolveConfig(Pipeline{}, &Workflow{Platforms: []string{"android"}, PlatformCommands: map[string]string{"ios": "x"}})
	if err != nil || len(plan.Notes) != 1 || plan.Notes[0] != "ios is configured but not among `platforms`, so it is not built." {
		t.Errorf("notes %q, error %v", plan.Notes, err)
	}
	plan, err = ResolveConfig(Pipeline{}, &Workflow{Commands: Commands{Build: []Command{{Run: "make"}}}})
	if err != nil || len(plan.Notes) != 0 {
		t.Errorf("notes %q, error %v", plan.Notes, err)
	}
}
