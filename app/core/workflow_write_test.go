package core

import (
	"reflect"
	"testing"
	"time"
)

func TestWhatAPipelineSaysIsReadAsItIsWritten(t *testing.T) {
	full := Pipeline{
		Execution: ExecutionConfig{
			Platforms: []string{"android", "ios"}, FlutterVersion: "3.24.5",
			Commands: Commands{
				PreBuild: []Command{{Run: "flutter pub get"}}, Build: []Command{{Name: "Size: report", Run: "ls -la\necho 'a: b' # c\n"}, {Run: "echo \"x: y\""}},
				PostBuild: []Command{{Run: "- not a list"}, {Run: "true"}, {Run: "0x10"}},
			},
			PlatformBuildArgs: map[string][]string{"android": {"--split-per-abi"}}, PlatformCommands: map[string]string{"ios": "make ios"},
			Env: []EnvVar{{Key: "FLAVOR", Value: "yes"}, {Key: "EMPTY"}, {Key: "LINES", Value: "a\n  b\n"}}, ArtifactPatterns: []string{"**/*.apk", "!x"},
		},
		Trigger:     Trigger{Events: []EventKind{EventPush}, Branches: []string{"main", "!old", "*"}, TargetBranches: []string{"main"}, Paths: []string{"lib/**"}, Tags: []string{"v*"}},
		Concurrency: Concurrency{CancelPrevious: true, MaxConcurrent: 2}, Timeout: 90 * time.Minute, Labels: []string{"macos", "xcode"},
	}
	for _, p := range []Pipeline{full, {}, {Timeout: 61 * time.Second}, {Timeout: time.Hour}, {Timeout: 70 * time.Minute}} {
		text, err := p.WorkflowText()
		if err != nil {
			t.Fatal(err)
		}
		w, err := ParseWorkflow([]byte(text))
		if err != nil {
			t.Fatalf("%v:\n%s", err, text)
		}
		got := workflowOf(p.Execution)
		got.Timeout, got.Labels = p.Timeout, p.Labels
		if !reflect.DeepEqual(p.Trigger, Trigger{}) {
			got.Triggers = &p.Trigger
		}
		if p.Concurrency != (Concurrency{}) {
			got.Concurrency = &p.Concurrency
		}
		if !reflect.DeepEqual(w, got) {
			t.Errorf("%s\nis read as %+v\nwant %+v", text, w, got)
		}
	}
}
