package core

import (
	"fmt"
	"strings"
	"time"
)

// MaxWorkflowBytes is the largest `.oore.yaml` that is read.
const MaxWorkflowBytes = 256 << 10

// Workflow is a repository's own `.oore.yaml` (contract section 6).
type Workflow struct {
	Platforms         []string // android, ios, macos; empty for plain command builds
	FlutterVersion    string
	Commands          Commands
	PlatformBuildArgs map[string][]string
	PlatformCommands  map[string]string
	Env               []EnvVar
	Secrets           []string
	Cache             []CacheRule
	ArtifactPatterns  []string // nil: the file says nothing about them
	JUnitPatterns     []string
	Timeout           time.Duration // 0: the pipeline's
	Labels            []string      // nil: the file says nothing about them
	Triggers          *Trigger      // nil: the file says nothing about them
	Concurrency       *Concurrency  // nil: the file says nothing about it
}

// Problem is one fault of a file. Line and Column count from 1.
type Problem struct {
	Line    int
	Column  int
	Message string
}

func (p Problem) String() string {
	return fmt.Sprintf("line %d, column %d: %s", p.Line, p.Column, p.Message)
}

// WorkflowError is every problem of a file at once. It unwraps to an *Error of
// KindInvalid with the code config_invalid.
type WorkflowError struct{ Problems []Problem }

func (e *WorkflowError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "; ")
}

func (e *WorkflowError) Unwrap() error {
	return Codef(KindInvalid, ReasonConfigInvalid, "%s", e.Error())
}

// ParseWorkflow reads a `.oore.yaml`. It is strict: what it does not know, or what
// breaks a limit, is a problem. The error is a *WorkflowError that holds them all (the
// first 50 of a file that is wrong throughout).
func ParseWorkflow(data []byte) (*Workflow, error) {
	r := &workflowReader{}
	w := &Workflow{}
	if len(data) > MaxWorkflowBytes {
		r.problemAt(1, 1, "the file is larger than %d KiB", MaxWorkflowBytes>>10)
	} else if root := r.document(data); root != nil {
		r.workflow(root, w)
	}
	if len(r.problems) > 0 {
		return nil, &WorkflowError{Problems: r.sorted()}
	}
	return w, nil
}

func (r *workflowReader) workflow(n *node, w *Workflow) {
	versioned := false
	r.mapping(n, "", []field{
		{"version", func(n *node) { versioned = true; r.version(n) }},
		{"platforms", func(n *node) { w.Platforms = r.platforms(n) }},
		{"flutter_version", func(n *node) { w.FlutterVersion = r.text(n, "flutter_version", checkVersion) }},
		{"commands", func(n *node) { r.commands(n, &w.Commands) }},
		{"platform_build_args", func(n *node) { w.PlatformBuildArgs = r.buildArgs(n) }},
		{"platform_commands", func(n *node) { w.PlatformCommands = r.platformCommands(n) }},
		{"env", func(n *node) { w.Env = r.env(n) }},
		{"secrets", func(n *node) { w.Secrets = r.texts(n, "secrets", checkSecretName) }},
		{"cache", func(n *node) { w.Cache = r.cache(n) }},
		{"artifacts", func(n *node) { r.artifacts(n, w) }},
		{"reports", func(n *node) { r.oneList(n, "reports", "junit", &w.JUnitPatterns) }},
		{"timeout", func(n *node) { w.Timeout = r.timeout(n) }},
		{"labels", func(n *node) { w.Labels = r.labels(n) }},
		{"triggers", func(n *node) { w.Triggers = r.triggers(n) }},
		{"concurrency", func(n *node) { w.Concurrency = r.concurrency(n) }},
	})
	if n.isMapping() && !versioned {
		r.problem(n, "version is missing; write `version: 1`")
	}
}

func (r *workflowReader) version(n *node) {
	if n.Tag != "!!int" || n.Value != "1" {
		r.problem(n, "version must be 1")
	}
}

func (r *workflowReader) platforms(n *node) []string {
	seen := map[string]bool{}
	return r.texts(n, "platforms", func(s string) string {
		if seen[s] {
			return fmt.Sprintf("names %s a second time", s)
		}
		seen[s] = true
		return checkOneOf(s, platforms()...)
	})
}

func (r *workflowReader) commands(n *node, c *Commands) {
	stage := func(name string, into *[]Command) field {
		return field{name, func(n *node) { *into = r.stage(n, "commands."+name) }}
	}
	r.mapping(n, "commands", []field{
		stage("pre_build", &c.PreBuild), stage("build", &c.Build), stage("post_build", &c.PostBuild),
	})
}

func (r *workflowReader) stage(n *node, name string) []Command {
	return readList(r, n, name, maxStageCommands, func(n *node, name string) (c Command) {
		before := len(r.problems)
		if n.isMapping() {
			c = r.namedCommand(n, name)
		} else {
			c.Run = r.anyText(n, name)
		}
		if len(r.problems) == before {
			r.check(n, name, checkCommand(c))
		}
		return c
	})
}

// namedCommand reads {name, run}. A command with ": " in it that nobody quoted is a
// mapping for YAML, so the message says how to quote.
func (r *workflowReader) namedCommand(n *node, name string) (c Command) {
	if !n.has("name") && !n.has("run") {
		r.problem(n, "%s is a mapping; a command is text, in quotes if it contains \": \", or {name, run}", name)
		return c
	}
	r.mapping(n, name, []field{
		{"name", func(n *node) { c.Name = r.text(n, name+".name", checkName) }},
		{"run", func(n *node) { c.Run = r.anyText(n, name+".run") }},
	})
	return c
}

func (r *workflowReader) perPlatform(n *node, name string, read func(n *node, platform, name string)) {
	fields := make([]field, 0, len(platforms()))
	for _, platform := range platforms() {
		fields = append(fields, field{platform, func(n *node) { read(n, platform, name+"."+platform) }})
	}
	r.mapping(n, name, fields)
}

func (r *workflowReader) buildArgs(n *node) map[string][]string {
	args := map[string][]string{}
	r.perPlatform(n, "platform_build_args", func(n *node, platform, name string) {
		if !n.isMapping() {
			args[platform] = r.texts(n, name, checkArg)
			return
		}
		r.mapping(n, name, []field{{"extra_args", func(n *node) {
			if extra := r.text(n, name+".extra_args", checkArg); extra != "" {
				args[platform] = []string{extra}
			}
		}}})
	})
	return args
}

func (r *workflowReader) platformCommands(n *node) map[string]string {
	commands := map[string]string{}
	r.perPlatform(n, "platform_commands", func(n *node, platform, name string) {
		commands[platform] = r.text(n, name, func(s string) string { return checkText(s, maxCommandLength) })
	})
	return commands
}

func (r *workflowReader) env(n *node) []EnvVar {
	seen := map[string]bool{}
	add := func(n *node, name string, v EnvVar) EnvVar {
		r.check(n, name, checkEnvVar(v))
		if seen[v.Key] {
			r.problem(n, "%s sets %s a second time", name, v.Key)
		}
		seen[v.Key] = true
		return v
	}
	if n.isMapping() {
		return readPairs(r, n, "env", maxEnvVars, func(key, value *node) EnvVar {
			return add(key, "env", EnvVar{Key: key.Value, Value: r.anyText(value, "env."+key.Value)})
		})
	}
	return readList(r, n, "env", maxEnvVars, func(n *node, name string) EnvVar {
		var v EnvVar
		keyed, valued := false, false
		r.mapping(n, name, []field{
			{"key", func(n *node) { keyed = true; v.Key = r.anyText(n, name+".key") }},
			{"value", func(n *node) { valued = true; v.Value = r.anyText(n, name+".value") }},
		})
		if (n.isMapping() || n.isNull()) && (!keyed || !valued) {
			r.problem(n, "%s needs both key and value", name)
		}
		if !keyed {
			return v
		}
		return add(n, name, v)
	})
}

// artifacts reads an empty list as the wish to keep nothing.
func (r *workflowReader) artifacts(n *node, w *Workflow) {
	r.oneList(n, "artifacts", "patterns", &w.ArtifactPatterns)
	if w.ArtifactPatterns == nil {
		w.ArtifactPatterns = []string{}
	}
}

// labels reads an empty list as the wish for any runner.
func (r *workflowReader) labels(n *node) []string {
	if labels := r.texts(n, "labels", checkLabel); labels != nil {
		return labels
	}
	return []string{}
}

// oneList reads a mapping whose only key is a list of file patterns.
func (r *workflowReader) oneList(n *node, name, key string, into *[]string) {
	r.mapping(n, name, []field{{key, func(n *node) { *into = r.texts(n, name+"."+key, checkPathPattern) }}})
}

func (r *workflowReader) timeout(n *node) time.Duration {
	before := len(r.problems)
	s := r.anyText(n, "timeout")
	if len(r.problems) > before {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		r.problem(n, "timeout is %q; write a time with its unit, for example 30m or 1h30m", truncate(s, 40))
		return 0
	}
	r.check(n, "timeout", checkTimeout(d))
	return d
}

func (r *workflowReader) triggers(n *node) *Trigger {
	t := &Trigger{}
	patterns := func(key string, into *[]string, check func(string) string) field {
		return field{key, func(n *node) { *into = r.texts(n, "triggers."+key, check) }}
	}
	r.mapping(n, "triggers", []field{
		{"events", func(n *node) {
			for _, e := range r.texts(n, "triggers.events", func(s string) string { return checkOneOf(EventKind(s), BuildEventKinds()...) }) {
				t.Events = append(t.Events, EventKind(e))
			}
		}},
		patterns("branches", &t.Branches, checkRefPattern),
		patterns("target_branches", &t.TargetBranches, checkRefPattern),
		patterns("paths", &t.Paths, checkPathPattern),
		patterns("tags", &t.Tags, checkRefPattern),
	})
	return t
}

func (r *workflowReader) concurrency(n *node) *Concurrency {
	c := &Concurrency{}
	given := 0
	cancel := func(n *node) { given++; c.CancelPrevious = r.boolean(n, "concurrency.cancel_previous") }
	r.mapping(n, "concurrency", []field{
		{"cancel_previous", cancel},
		{"cancel_in_progress", cancel},
		{"max_concurrent", func(n *node) {
			c.MaxConcurrent = r.integer(n, "concurrency.max_concurrent")
			r.check(n, "concurrency.max_concurrent", checkConcurrency(*c))
		}},
	})
	if given > 1 {
		r.problem(n, "concurrency has both cancel_previous and cancel_in_progress, which mean the same; keep one")
	}
	return c
}
