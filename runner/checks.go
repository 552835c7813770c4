package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// Probes are the checks of the machine that builds run on: its tools as builds see
// them, and what keeps builds in their place. Dir is the pool's folder; sandbox is nil
// where it is turned off.
func Probes(dir string, sandbox *SandboxOptions) []core.Probe {
	m := machine{goos: runtime.GOOS, env: hostEnv(dir), time: toolTime}
	level, lack := sandboxLevel()
	probes := append(m.probes(), core.Probe{Area: core.AreaMachine, Name: "sandbox of builds", Look: func(context.Context) core.Check {
		return m.sandboxCheck(sandbox != nil, level, lack)
	}})
	return append(probes, core.Probe{Area: core.AreaMachine, Name: "user", Look: func(context.Context) core.Check {
		return userCheck(os.Geteuid(), os.Getenv("USER"))
	}})
}

// GitProbe is the check of the one tool that a server needs itself.
func GitProbe(dir string) core.Probe {
	m := machine{goos: runtime.GOOS, env: hostEnv(dir), time: toolTime}
	return core.Probe{Area: core.AreaMachine, Name: "git", Look: m.git}
}

func (m machine) probes() []core.Probe {
	probes := []core.Probe{
		{Name: "git", Look: m.git},
		{Name: "git-lfs", Look: m.tells(question{
			[]string{"git-lfs", "version"}, regexp.MustCompile(`^git-lfs/(\d\S*)`), core.Skip("not found; only repositories with Git LFS need it"),
		})},
		{Name: "flutter", Look: m.flutter},
		{Name: "fvm", Look: m.tells(question{
			[]string{"fvm", "--version"},
			regexp.MustCompile(`(?m)^v?(\d+\.\d+\.\d+\S*)`),
			core.Skip("not found; with it each commit gets the Flutter that its .fvmrc names"),
		})},
		{Name: "java", Look: m.java},
		{Name: "Android SDK", Look: m.androidSDK},
	}
	if m.goos == "darwin" {
		probes = append(probes, m.appleProbes()...)
	}
	for i := range probes {
		probes[i].Area = core.AreaMachine
	}
	return probes
}

func (m machine) appleProbes() []core.Probe {
	return []core.Probe{
		{Name: "Xcode", Look: m.tells(question{
			[]string{"xcodebuild", "-version"},
			regexp.MustCompile(`(?m)^Xcode (\d\S*)`),
			core.Warn("not found", "Install Xcode if pipelines build for iOS or macOS, and start it once"),
		})},
		{Name: "CocoaPods", Look: m.tells(question{
			[]string{"pod", "--version"}, regexp.MustCompile(`(?m)^(\d+\.\d+\S*)$`), core.Warn("not found", "Install it if iOS projects use plugins: brew install cocoapods"),
		})},
		{Name: "signing identities", Look: m.identities},
	}
}

// question is what a tool is asked, and what is made of its silence.
type question struct {
	argv    []string
	version *regexp.Regexp // its first group is the version
	missing core.Check
}

// answer is the version that a tool tells; otherwise the check that says what is wrong.
func (m machine) answer(ctx context.Context, q question) (version string, wrong *core.Check) {
	output, err := m.ask(ctx, q.argv...)
	if errors.Is(err, errNoTool) {
		return "", &q.missing
	}
	if match := q.version.FindStringSubmatch(output); err == nil && match != nil {
		return match[1], nil
	}
	name := filepath.Base(q.argv[0])
	check := core.Warn("does not work: "+firstWords(output), "Run "+strings.Join(q.argv, " ")+" as the user of Oore, and mend what it complains of")
	if output == "" && err != nil {
		check.Value = "does not work: " + err.Error()
	}
	if q.missing.State == core.CheckFailed { // then it is needed
		check.State = core.CheckFailed
	}
	if err == nil {
		check.Value = fmt.Sprintf("answers what no %s would: %s", name, firstWords(output))
	}
	return "", &check
}

// tells is a check that wants no more than a version.
func (m machine) tells(q question) func(context.Context) core.Check {
	return func(ctx context.Context) core.Check {
		version, wrong := m.answer(ctx, q)
		if wrong != nil {
			return *wrong
		}
		return core.Good(version)
	}
}

func (m machine) git(ctx context.Context) core.Check {
	version, wrong := m.answer(ctx, question{
		[]string{"git", "--version"},
		regexp.MustCompile(`^git version (\d+\.\d+(?:\.\d+)?)`),
		core.Fail("not found", "Install git 2.32 or newer and put it on the PATH"),
	})
	switch {
	case wrong != nil:
		return *wrong
	case older(version, "2.32"):
		return core.Fail(version+" is too old", "Install git 2.32 or newer")
	case gitIsVulnerable(version):
		return core.Warn(version+" is older than the fix of CVE-2025-48384", "Update git. Distributions and Apple also mend older versions; then this is no matter")
	}
	return core.Good(version)
}

// gitIsVulnerable tells whether a hostile repository may write outside of a checkout
// with submodules. Each line of versions got the fix.
func gitIsVulnerable(version string) bool {
	for _, fixed := range []string{"2.43.7", "2.44.4", "2.45.4", "2.46.4", "2.47.3", "2.48.2", "2.49.1", "2.50.1"} {
		if line := fixed[:strings.LastIndexByte(fixed, '.')]; version == line || strings.HasPrefix(version, line+".") {
			return older(version, fixed)
		}
	}
	return older(version, "2.43")
}

func (m machine) flutter(ctx context.Context) core.Check {
	missing := core.Warn("not found", "Install Flutter, or fvm, if pipelines build with it")
	if _, err := m.find("fvm"); err == nil {
		missing = core.Skip("not found; fvm brings the versions that commits ask for")
	}
	return m.tells(question{[]string{"flutter", "--version"}, flutterBanner, missing})(ctx)
}

func (m machine) java(ctx context.Context) core.Check {
	program := "java"
	if home := m.env["JAVA_HOME"]; home != "" {
		program = filepath.Join(home, "bin", "java")
	}
	version, wrong := m.answer(ctx, question{
		[]string{program, "-version"},
		regexp.MustCompile(`version "(\d[^"]*)"`),
		core.Warn("not found", "Install a JDK (17 or newer) if pipelines build for Android, and set JAVA_HOME if it is not on the PATH"),
	})
	switch {
	case wrong != nil:
		return *wrong
	case older(version, "17"):
		return core.Warn(version+" is old", "Today's Android Gradle plugin needs a JDK of 17 or newer")
	}
	return core.Good(version)
}

// androidSDK looks where Gradle and Flutter look.
func (m machine) androidSDK(context.Context) core.Check {
	var dirs []string
	for _, name := range []string{"ANDROID_HOME", "ANDROID_SDK_ROOT"} {
		if dir := m.env[name]; dir != "" {
			dirs = append(dirs, dir)
		}
	}
	set := len(dirs) > 0
	usual := map[string]string{"darwin": "Library/Android/sdk", "linux": "Android/Sdk"}[m.goos]
	dirs = append(dirs, filepath.Join(m.env["HOME"], usual))
	i := slices.IndexFunc(dirs, exists)
	switch {
	case i < 0 && set:
		return core.Warn(dirs[0]+" does not exist", "Set ANDROID_HOME to where the SDK is")
	case i < 0:
		return core.Warn("not found", "Install the Android SDK if pipelines build for Android, and set ANDROID_HOME")
	case !exists(filepath.Join(dirs[i], "platform-tools")):
		return core.Warn(dirs[i]+" has no platform-tools", "Install them: sdkmanager platform-tools")
	case !exists(filepath.Join(dirs[i], "licenses")):
		return core.Warn(dirs[i]+": its licenses are not accepted", "Run: sdkmanager --licenses")
	}
	return core.Good(dirs[i])
}

func (m machine) identities(ctx context.Context) core.Check {
	count, wrong := m.answer(ctx, question{
		[]string{"security", "find-identity", "-v", "-p", "codesigning"}, regexp.MustCompile(`(\d+) valid identities found`), core.Skip("not found"),
	})
	switch {
	case wrong != nil:
		return *wrong
	case count == "0":
		return core.Skip("none in the keychain; builds without signing need none")
	}
	return core.Good(count)
}

func (m machine) sandboxCheck(wanted bool, level int, lack string) core.Check {
	switch {
	case !wanted && m.goos == "darwin":
		return core.Warn("off: builds may read and change what the user of Oore may", "Set OORE_SANDBOX=on, unless Xcode's Swift packages must be built")
	case !wanted:
		return core.Warn("off: builds may read and change what the user of Oore may", "Set OORE_SANDBOX=on")
	case level == 0:
		return core.Warn("none: "+lack, "Until then build only what you trust as this user")
	case lack != "":
		return core.Warn(fmt.Sprintf("Landlock %d: %s", level, lack), "Update the kernel")
	case m.goos == "linux":
		return core.Good(fmt.Sprintf("Landlock %d", level))
	}
	return core.Good("on")
}

func userCheck(id int, name string) core.Check {
	if id == 0 {
		return core.Warn("root: so are all builds", "Give Oore a user of its own; if it has one, run this as that user")
	}
	if name == "" {
		name = strconv.Itoa(id)
	}
	return core.Good(name)
}

// older compares versions by their numbers.
func older(version, than string) bool {
	return slices.Compare(numbers(version), numbers(than)) < 0
}

func numbers(version string) []int {
	var all []int
	for part := range strings.FieldsFuncSeq(version, func(r rune) bool { return r < '0' || r > '9' }) {
		n, err := strconv.Atoi(part)
		if err != nil {
			break
		}
		all = append(all, n)
	}
	return all
}
