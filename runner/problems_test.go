package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

// workspaceWith makes a folder with empty files.
func workspaceWith(t testing.TB, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, file := range files {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func sourceFiles() []string {
	const android = "android/app/src/main/"
	return []string{
		"lib/main.dart", "lib/cart.dart", "test/cart_test.dart", "src/cart.ts", "src/main.js", "main.go", "cart/cart.go", "pubspec.yaml",
		"ios/Runner/AppDelegate.swift", "ios/Runner/Bridge.m", "ios/Podfile", "android/app/build.gradle", android + "AndroidManifest.xml",
		android + "kotlin/dev/acme/shop/MainActivity.kt", android + "java/dev/acme/shop/Legacy.java", android + "res/values/styles.xml",
	}
}

func shippedMatchers(t testing.TB) *matchers {
	t.Helper()
	m, err := loadMatchers(matchersSource)
	if err != nil {
		t.Fatal(err)
	}
	return &m
}

// printed lets the output of a step pass in pieces of the size.
func printed(f *findings, s core.PlanStep, output string, size int) {
	w := &lineWriter{journal: newJournal(0, 1<<30), stream: core.StreamStdout, step: s.Name, watch: f.watch(s, core.StreamStdout)}
	for len(output) > 0 {
		n := min(size, len(output))
		_, _ = w.Write([]byte(output[:n]))
		output = output[n:]
	}
	_ = w.Close()
}

// told are the problems, one a line.
func told(problems []core.Annotation) []string {
	var all []string
	for _, p := range problems {
		line := string(p.Level) + " "
		if p.Path != "" {
			line += fmt.Sprintf("%s:%d:%d ", p.Path, p.Line, p.Column)
		}
		all = append(all, line+p.Message+" ["+p.Title+"]")
	}
	return all
}

func TestProblemsOfRealTools(t *testing.T) {
	m := shippedMatchers(t)
	for name, want := range realProblems() {
		t.Run(name, func(t *testing.T) {
			output, err := os.ReadFile(filepath.Join("testdata", "problems", name+".log"))
			if err != nil {
				t.Fatal(err)
			}
			dir := workspaceWith(t, sourceFiles()...)
			for _, size := range []int{1, 7, 1 << 20} {
				f := newFindings(m, dir)
				printed(f, core.PlanStep{Name: "build-1"}, strings.ReplaceAll(string(output), "{{WORKSPACE}}", dir), size)
				if got := told(f.list("build-1")); !slices.Equal(got, want) {
					t.Errorf("in pieces of %d\n got %s\nwant %s", size, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
				}
			}
		})
	}
}

func realProblems() map[string][]string {
	const kotlin, java = "android/app/src/main/kotlin/dev/acme/shop/MainActivity.kt", "android/app/src/main/java/dev/acme/shop/Legacy.java"
	return map[string][]string{
		"noise": nil,
		"flutter_analyze": {
			"error lib/main.dart:12:5 Undefined name 'cart' [undefined_identifier]",
			"error lib/cart.dart:7:18 The argument type 'String' can't be assigned to the parameter type 'int'. [argument_type_not_assignable]",
			"warning lib/cart.dart:8:9 The value of the local variable 'total' isn't used [unused_local_variable]",
			"warning lib/main.dart:20:12 Use 'const' with the constructor to improve performance [prefer_const_constructors]",
		},
		"dart_analyze": {
			"error lib/main.dart:12:5 Undefined name 'cart'. Try correcting the name to one that is defined, or defining the name. [undefined_identifier]",
			"error lib/cart.dart:3:1 The function 'main2' isn't defined. [UNDEFINED_FUNCTION]",
			"warning lib/cart.dart:8:9 The value of the local variable 'total' isn't used. [unused_local_variable]",
			"warning lib/main.dart:20:12 Use 'const' with the constructor to improve performance. [prefer_const_constructors]",
		},
		"flutter_build_apk": {
			"error lib/main.dart:12:41 Expected ';' after this. [Dart]",
			"error lib/cart.dart:7:18 The argument type 'String' can't be assigned to the parameter type 'int'. [Dart]",
			"error Execution failed for task ':app:compileFlutterBuildRelease'. [Gradle]",
		},
		"gradle": {
			"error " + kotlin + ":12:5 Unresolved reference: cart [Kotlin]",
			"error " + kotlin + ":14:9 Type mismatch: inferred type is String but Int was expected [Kotlin]",
			"error " + java + ":22:0 ';' expected [Java]",
			"error android/app/src/main/res/values/styles.xml:5:5 style attribute 'attr/colour' not found. [Android resources]",
			"error android/app/src/main/AndroidManifest.xml:7:9 Attribute application@label value=(shop) from AndroidManifest.xml:7:9-29 [Android manifest]",
			"error Task :app:compileReleaseKotlin FAILED [Gradle]",
			"error Execution failed for task ':app:compileReleaseKotlin'. [Gradle]",
			"warning " + kotlin + ":3:8 'getter for versionCode: Int!' is deprecated. Deprecated in Java [Kotlin]",
			"warning " + java + ":30:0 [deprecation] getDrawable(int) in Resources has been deprecated [Java]",
		},
		"gradle_script": {"error android/app/build.gradle:23:0 A problem occurred evaluating project ':app'. [Gradle]"},
		"xcodebuild": {
			"error ios/Runner/AppDelegate.swift:12:9 cannot find 'FirebaseApp' in scope [Compiler]",
			"error ios/Runner/Bridge.m:3:9 'Missing.h' file not found [Compiler]",
			"error No profiles for 'dev.acme.shop' were found: Xcode couldn't find any iOS App Development provisioning profiles matching 'dev.acme.shop'. [Xcode]",
			`error "_OBJC_CLASS_$_GULNetwork", referenced from: [Undefined symbol]`,
			"error linker command failed with exit code 1 (use -v to see invocation) [Xcode]",
			"error Unable to find a destination matching the provided destination specifier: [Xcode]",
			"warning ios/Runner/AppDelegate.swift:20:13 variable 'window' was never used; consider replacing with '_' or removing it [Compiler]",
		},
		"flutter_build_ios": {
			"error lib/main.dart:12:41 Expected ';' after this. [Dart]",
			"error ios/Runner/AppDelegate.swift:12:9 Cannot find 'FirebaseApp' in scope [Swift Compiler Error (Xcode)]",
			"error ios/Runner/Bridge.m:3:9 'Missing.h' file not found [Lexical or Preprocessor Issue (Xcode)]",
			`error Signing for "Runner" requires a development team. Select a development team in the Signing & Capabilities editor. [Error (Xcode)]`,
		},
		"pod_install": {
			`error CocoaPods could not find compatible versions for pod "Firebase/CoreOnly": [CocoaPods]`,
			"warning Automatically assigning platform `iOS` with version `12.0` on target `Runner` because no platform was specified. [CocoaPods]",
		},
		"podfile": {
			"error ios/Podfile:2:0 Invalid `Podfile` file: undefined local variable or method `platfrm' for #<Pod::Podfile:0x0000000104e6f0a8>. [CocoaPods]",
		},
		"flutter_test": {"error test/cart_test.dart:42:7 Expected: <2> [test/cart_test.dart: adds two items]"},
		"pubspec": {
			"error pubspec.yaml:12:3 Duplicate mapping key. [pub]",
			"error No pubspec.yaml file found. []",
		},
		"pub_get": {
			"error Because shop depends on http ^9.0.0 which doesn't match any versions, version solving failed. [pub]",
		},
		"web": {
			"error src/cart.ts:12:5 ';' expected. [TS1005]",
			"error src/cart.ts:14:9 Type 'string' is not assignable to type 'number'. [TS2322]",
			"error src/cart.ts:3:7 'total' is assigned a value but never used [@typescript-eslint/no-unused-vars]",
			"error src/main.js:1:1 Parsing error: Unexpected token []",
			"error src/main.js:9:3 'cart' is not defined. [no-undef]",
			"warning src/cart.ts:20:1 Unexpected console statement [no-console]",
		},
		"go": {
			"error cart/cart.go:12:5 undefined: total [Go]",
			"error main.go:3:8 package foo is not in std [Go]",
			"error cart/cart.go:14:2 undefined: price [Go]",
		},
	}
}

func TestWhereAProblemLies(t *testing.T) {
	m, dir := shippedMatchers(t), workspaceWith(t, "lib/main.dart", "app/lib/main.dart", "app/lib/only.dart")
	outside := workspaceWith(t, "lib/main.dart")
	if err := os.Symlink(outside, filepath.Join(dir, "way-out")); err != nil {
		t.Fatal(err)
	}
	alias := filepath.Join(t.TempDir(), "alias")
	if err := os.Symlink(dir, alias); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, command, printed, where string }{
		{"relative", "flutter build", "lib/main.dart", "lib/main.dart:1"},
		{"with dots within", "flutter build", "./lib/../lib/main.dart", "lib/main.dart:1"},
		{"absolute", "flutter build", dir + "/lib/main.dart", "lib/main.dart:1"},
		{"a URL", "flutter build", "file://" + dir + "/lib/main.dart", "lib/main.dart:1"},
		{"by the workspace's other name", "flutter build", alias + "/lib/main.dart", "lib/main.dart:1"},
		{"below the folder of the command", "cd app && flutter build", "lib/main.dart", "app/lib/main.dart:1"},
		{"below the folder of a script", "cd app\nflutter build", "lib/only.dart", "app/lib/only.dart:1"},
		{"no such file", "flutter build", "lib/other.dart", ""},
		{"a folder", "flutter build", "lib", ""},
		{"outside", "flutter build", outside + "/lib/main.dart", "dropped"},
		{"outside by dots", "flutter build", "../lib/main.dart", "dropped"},
		{"outside by a link", "flutter build", "way-out/lib/main.dart", ""},
		{"the machine's own", "flutter build", "/etc/passwd", "dropped"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFindings(m, dir)
			if strings.HasPrefix(c.printed, alias) {
				f = newFindings(m, alias) // the system's tools print the real one, and some the alias
			}
			w := f.watch(core.PlanStep{Name: "s", Run: c.command}, core.StreamStdout)
			f.add(w.from, &m.all[0], map[string]string{"path": c.printed, "line": "1", "message": "wrong"})
			got := "dropped"
			if problems := f.list("s"); len(problems) == 1 {
				got = problems[0].Where()
			}
			if got != c.where {
				t.Errorf("it lies in %q, want %q", got, c.where)
			}
		})
	}
}

func TestProblemsAreBoundedAndErrorsComeFirst(t *testing.T) {
	m, dir := shippedMatchers(t), workspaceWith(t, "lib/main.dart")
	f := newFindings(m, dir)
	var output strings.Builder
	for i := range 60 {
		fmt.Fprintf(&output, "lib/main.dart:%d:1: Warning: w%d\n", i+1, i)
	}
	output.WriteString("lib/main.dart:1:1: Error: earlier\nerror: nowhere\n")
	printed(f, core.PlanStep{Name: "build-1"}, strings.Repeat(output.String(), 3), 1<<16)
	printed(f, core.PlanStep{Name: "build-2"}, "error: no place\nlib/main.dart:2:1: Error: cause\nlib/main.dart:1:1: Error: earlier\n", 1<<16)
	got := told(f.list("build-2"))
	want := []string{
		"error lib/main.dart:2:1 cause [Dart]", "error no place [Xcode]", "error lib/main.dart:1:1 earlier [Dart]", "error nowhere [Xcode]",
		"warning lib/main.dart:1:1 w0 [Dart]",
	}
	if len(got) != core.MaxFindings || !slices.Equal(got[:5], want) {
		t.Errorf("%d problems:\n%s", len(got), strings.Join(got, "\n"))
	}
	output.Reset()
	for i := range 200 {
		fmt.Fprintf(&output, "lib/main.dart:%d:1: Error: e%d\n", i+1, i)
	}
	printed(f, core.PlanStep{Name: "build-2"}, output.String(), 1<<16)
	if got := f.list("build-2"); len(got) != core.MaxFindings || got[len(got)-1].Level != core.LevelError || !f.enough() {
		t.Errorf("%d problems, the last %+v", len(got), got[len(got)-1])
	}
}

func TestLongLinesAreLookedAtInPart(t *testing.T) {
	m, dir := shippedMatchers(t), workspaceWith(t, "lib/main.dart")
	f := newFindings(m, dir)
	long := "lib/main.dart:1:1: Error: " + strings.Repeat("ä", 20<<10)
	late := strings.Repeat("x", maxMatched) + "\nlib/main.dart:2:1: Error: two\n"
	torn := strings.Repeat("y", core.MaxLogLine) + "lib/main.dart:3:1: Error: in the middle of a line\n"
	printed(f, core.PlanStep{Name: "s"}, long+"\n"+late+torn+"lib/main.dart:4:1: Error: without an end", 1000)
	got := f.list("s")
	if len(got) != 3 || got[1].Message != "two" || got[2].Message != "without an end" {
		t.Fatalf("problems %q", told(got))
	}
	if n := len(got[0].Message); n > maxMatched || n < maxMatched/2 {
		t.Errorf("a message of %d bytes", n)
	}
}

func TestTheProgramThatTheShellMissed(t *testing.T) {
	m := shippedMatchers(t)
	for line, want := range map[string]string{
		"sh: 1: flutter: not found": "flutter", "/usr/bin/sh: 3: fvm: not found": "fvm", "sh: pod: command not found": "pod",
		"bash: line 1: xcodebuild: command not found": "xcodebuild", "./gradlew: line 12: java: command not found": "java",
		"zsh:1: command not found: gradle": "gradle", "env: node: No such file or directory": "node",
		"/usr/bin/env: ‘ruby’: No such file or directory": "ruby", "\x1b[31msh: 1: dart: not found\x1b[0m": "dart",
		"cat: missing.txt: No such file or directory": "", "the page was not found": "", "sh: 1: ./gradlew: not found": "",
	} {
		f := newFindings(m, t.TempDir())
		printed(f, core.PlanStep{Name: "s"}, line+"\n", 1<<10)
		if got := f.missingIn("s"); got != want || len(f.list("s")) != 0 {
			t.Errorf("%q: missing %q, want %q; problems %q", line, got, want, told(f.list("s")))
		}
	}
}

func TestMatchersAreCheckedWhenTheyAreRead(t *testing.T) {
	for source, want := range map[string]string{
		`[{"name": "a", "lines": ["x"]}]`: `"a": it needs literals and lines`, `[{"name": "a", "literals": ["x"], "lines": ["("]}]`: `"a": error parsing regexp`,
		`[{"nom": "a"}]`: "unknown field", `[`: "unexpected EOF",
	} {
		if _, err := loadMatchers(source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", source, err)
		}
	}
}
