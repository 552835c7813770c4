package core

import (
	"strings"
	"testing"
)

func TestTheVersionInAnFVMRC(t *testing.T) {
	for _, c := range []struct{ name, content, version, wrong string }{
		{"plain text", "3.24.5\n", "3.24.5", ""},
		{"a channel", "stable", "stable", ""},
		{"a version of a channel", " 3.19.0@beta \r\n", "3.19.0@beta", ""},
		{"a byte order mark", "\ufeff3.24.5", "3.24.5", ""},
		{"a JSON string", `"3.24.5"`, "3.24.5", ""},
		{"an object", `{"flutter": "3.24.5"}`, "3.24.5", ""},
		{
			"an object as fvm writes it", `{
  "flutter": "3.24.5",
  "flavors": {"production": "3.22.0"},
  "updateVscodeSettings": false, "runPubGetOnSdkChanges": true
}`, "3.24.5", "",
		},
		{"nothing", "", "", ".fvmrc is empty; write a version into it"},
		{"blanks", " \n\t\n", "", ".fvmrc is empty"},
		{"an empty string", `""`, "", `.fvmrc has no "flutter"`},
		{"an empty object", "{}", "", `.fvmrc has no "flutter"`},
		{"an empty version", `{"flutter": " "}`, "", `.fvmrc has no "flutter"`},
		{"no version", `{"flutter": null}`, "", `.fvmrc has no "flutter"`},
		{"a number", `{"flutter": 3.24}`, "", ".fvmrc is broken JSON"},
		{"half an object", `{"flutter": "3.24.5"`, "", ".fvmrc is broken JSON"},
		{"half a string", `"3.24.5`, "", ".fvmrc is broken JSON"},
		{"two lines", "3.24.5\n3.22.0\n", "", ".fvmrc: the version must be one line"},
		{"a list", `["3.24.5"]`, "", ".fvmrc: the version is no version or channel"},
		{"an option", "--help", "", ".fvmrc: the version is no version or channel"},
		{"a command", `"3.24.5; id"`, "", ".fvmrc: the version is no version or channel"},
		{"a substitution", "$(id)", "", ".fvmrc: the version is no version or channel"},
		{"bytes", "\xff\xfe3", "", ".fvmrc: the version"},
		{"a long text", strings.Repeat("3", 65), "", "at most 64 characters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			version, err := ParseFVMRC([]byte(c.content))
			if version != c.version || (err == nil) != (c.wrong == "") {
				t.Fatalf("version %q, error %v", version, err)
			}
			if err != nil && (CodeOf(err) != ReasonConfigInvalid || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("error %v (code %s)", err, CodeOf(err))
			}
		})
	}
}

func TestFlutterGoesThroughFVM(t *testing.T) {
	plan := Plan{FlutterVersion: "3.24.5"}
	plan.add("pre_build", []Command{{Run: "flutter pub get"}, {Name: "fvm use", Run: "fvm flutter doctor"}})
	plan.add("build", []Command{
		{Run: "  dart run build_runner build"},
		{Run: "flutter"},
		{Run: "flutterfire configure"},
		{Run: "dartfmt ."},
		{Run: "cd app && flutter build apk"},
		{Run: "flutter build apk \\\n  --release"},
		{Run: "echo flutter"},
	})
	plan.UseFVM()
	want := strings.Join([]string{
		"fvm use (2): fvm use 3.24.5 --force --skip-pub-get",
		"pre_build-1: fvm flutter pub get", "fvm use: fvm flutter doctor",
		"build-1: fvm dart run build_runner build", "build-2: fvm flutter", "build-3: flutterfire configure", "build-4: dartfmt .",
		"build-5: cd app && flutter build apk", "build-6: fvm flutter build apk \\\n  --release", "build-7: echo flutter",
	}, "\n")
	if got := steps(plan); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAVersionThatIsNoneIsRefused(t *testing.T) {
	for _, version := range []string{"--help", "3.24.5 --debug", "$(id)", "3;id"} {
		if _, err := ParseWorkflow([]byte("version: 1\nflutter_version: \"" + version + "\"\n")); err == nil || !strings.Contains(err.Error(), "flutter_version is no version or channel") {
			t.Errorf("%q: %v", version, err)
		}
		if err := (ExecutionConfig{FlutterVersion: version}).Validate(); KindOf(err) != KindInvalid {
			t.Errorf("%q: %v", version, err)
		}
	}
}
