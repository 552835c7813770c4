package core

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Plan is what a runner does for one build, as data: it needs no more decisions.
type Plan struct {
	Source           string // path of the file that it is from; empty: the pipeline's own configuration
	Steps            []PlanStep
	FlutterVersion   string // empty: whichever there is
	Env              []EnvVar
	Secrets          []string // names, each once
	Cache            []CacheRule
	ArtifactPatterns []string
	// ArtifactsRequired: somebody wrote the patterns, so no match at all is a failure.
	ArtifactsRequired bool
	JUnitPatterns     []string
	Timeout           time.Duration // 0: the pipeline's
	Notes             []string      // sentences about what the configuration asks for and this version does not do
}

// PlanStep is one command for the shell. Names are unique in a plan. A step runs
// only when all before it succeeded; Always runs it after a failure too (no part of
// the configuration asks for that: post_build runs after success alone).
type PlanStep struct {
	Name   string
	Run    string
	Always bool
}

// ResolveConfig decides what a build runs: the commit's own file if there is one,
// else the pipeline's execution config; of its platforms only those named, if any are.
// Nothing to run is KindInvalid, code config_missing; a platform that it does not build,
// code config_invalid.
func ResolveConfig(p Pipeline, file *Workflow, platforms ...string) (Plan, error) {
	if file == nil {
		file = workflowOf(p.Execution)
	}
	ignored := notes(p, file)
	file, err := file.only(platforms)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{
		FlutterVersion: file.FlutterVersion, Env: file.Env, Timeout: file.Timeout,
		Secrets: slices.Compact(slices.Sorted(slices.Values(file.Secrets))), Cache: file.Cache, JUnitPatterns: file.JUnitPatterns, Notes: ignored,
	}
	plan.collects(file)
	build := file.Commands.Build
	if len(build) == 0 {
		build = platformBuilds(file)
	}
	plan.add("pre_build", file.Commands.PreBuild)
	plan.add("build", build)
	plan.add("post_build", file.Commands.PostBuild)
	if len(plan.Steps) == 0 {
		return Plan{}, Codef(KindInvalid, ReasonConfigMissing,
			"There is nothing to run: write commands or platforms into %s in the repository, or give the pipeline an execution_config with commands.",
			strings.Join(p.ConfigPaths(), " or "))
	}
	return plan, nil
}

// only narrows a configuration to some of its platforms. Commands that a person wrote are
// of no platform, and cannot be narrowed.
func (w *Workflow) only(platforms []string) (*Workflow, error) {
	if len(platforms) == 0 {
		return w, nil
	}
	if len(w.Commands.Build) > 0 {
		return nil, Codef(KindInvalid, ReasonConfigInvalid,
			"The build was asked for %s alone, but commands.build says what to run for all platforms: leave the platform out, or let platforms say what to build", strings.Join(platforms, ", "))
	}
	for _, p := range platforms {
		if !slices.Contains(w.Platforms, p) {
			return nil, Codef(KindInvalid, ReasonConfigInvalid, "The build was asked for %s, which is not among the configuration's platforms (%s)", p, orElse(strings.Join(w.Platforms, ", "), "none"))
		}
	}
	narrowed := *w
	narrowed.Platforms = slices.DeleteFunc(slices.Clone(w.Platforms), func(p string) bool { return !slices.Contains(platforms, p) })
	return &narrowed, nil
}

func workflowOf(c ExecutionConfig) *Workflow {
	return &Workflow{
		Platforms: c.Platforms, FlutterVersion: c.FlutterVersion, Commands: c.Commands,
		PlatformBuildArgs: c.PlatformBuildArgs, PlatformCommands: c.PlatformCommands,
		Env: c.Env, ArtifactPatterns: c.ArtifactPatterns,
	}
}

func (p *Plan) add(stage string, commands []Command) {
	for i, c := range commands {
		p.Steps = append(p.Steps, PlanStep{Name: p.unique(orElse(c.Name, fmt.Sprintf("%s-%d", stage, i+1))), Run: c.Run})
	}
}

// ownSteps are the names of the runner's own steps, under which the log has its words.
func ownSteps() []string { return []string{"checkout", "Restore cache", "artifacts", "Save cache"} }

func (p *Plan) unique(name string) string {
	candidate := name
	taken := func(s PlanStep) bool { return s.Name == candidate }
	for n := 2; slices.Contains(ownSteps(), candidate) || slices.ContainsFunc(p.Steps, taken); n++ {
		candidate = fmt.Sprintf("%s (%d)", name, n)
	}
	return candidate
}

// platformBuilds is what platforms mean where nobody wrote build commands. Build
// arguments are shell text: they may use the build's variables, and what contains
// spaces is quoted by its author.
func platformBuilds(file *Workflow) []Command {
	if len(file.Platforms) == 0 {
		return nil
	}
	commands := []Command{{Run: "flutter pub get"}}
	for _, platform := range file.Platforms {
		run, ok := file.PlatformCommands[platform]
		if !ok {
			run = strings.Join(append([]string{defaultBuild(platform)}, file.PlatformBuildArgs[platform]...), " ")
		}
		commands = append(commands, Command{Run: run})
	}
	return commands
}

func defaultBuild(platform string) string {
	switch platform {
	case "ios":
		return "flutter build ios --release --no-codesign"
	case "macos":
		return "flutter build macos --release"
	}
	return "flutter build apk --release"
}

// notes names what the file asks for in vain, so that nothing is silently ignored.
func notes(p Pipeline, file *Workflow) []string {
	var all []string
	for _, part := range []struct {
		key   string
		other bool
	}{
		{"labels", file.Labels != nil && !slices.Equal(file.Labels, p.Labels)},
		{"triggers", file.Triggers != nil && !file.Triggers.equal(p.Trigger)},
		{"concurrency", file.Concurrency != nil && *file.Concurrency != p.Concurrency},
	} {
		if part.other {
			all = append(all, fmt.Sprintf("`%s` differs from the pipeline's. The file's is taken over when the default branch is pushed, and counts from the next event on.", part.key))
		}
	}
	if len(file.Commands.Build) == 0 {
		return append(all, unbuilt(file)...)
	}
	if len(file.PlatformBuildArgs)+len(file.PlatformCommands) > 0 {
		all = append(all, "`platform_build_args` and `platform_commands` are not used, because `commands.build` says what to run.")
	}
	return all
}

func unbuilt(file *Workflow) []string {
	var all []string
	for _, platform := range platforms() {
		configured := len(file.PlatformBuildArgs[platform]) > 0 || file.PlatformCommands[platform] != ""
		if configured && !slices.Contains(file.Platforms, platform) {
			all = append(all, fmt.Sprintf("%s is configured but not among `platforms`, so it is not built.", platform))
		}
	}
	return all
}
