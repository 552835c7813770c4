package core

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// workflowText is a `.oore.yaml` as it is written, its keys in the order of the manual.
type workflowText struct {
	Version           int                 `yaml:"version"`
	Platforms         []string            `yaml:"platforms,omitempty,flow"`
	FlutterVersion    string              `yaml:"flutter_version,omitempty"`
	Commands          commandsText        `yaml:"commands,omitempty"`
	PlatformBuildArgs map[string][]string `yaml:"platform_build_args,omitempty"`
	PlatformCommands  map[string]string   `yaml:"platform_commands,omitempty"`
	Env               []EnvVar            `yaml:"env,omitempty"`
	Artifacts         *patternsText       `yaml:"artifacts,omitempty"`
	Timeout           string              `yaml:"timeout,omitempty"`
	Labels            []string            `yaml:"labels,omitempty,flow"`
	Triggers          *triggersText       `yaml:"triggers,omitempty"`
	Concurrency       *concurrencyText    `yaml:"concurrency,omitempty"`
}

type commandsText struct {
	PreBuild  []Command `yaml:"pre_build,omitempty"`
	Build     []Command `yaml:"build,omitempty"`
	PostBuild []Command `yaml:"post_build,omitempty"`
}

type patternsText struct {
	Patterns []string `yaml:"patterns,flow"`
}

type triggersText struct {
	Events         []EventKind `yaml:"events,omitempty,flow"`
	Branches       []string    `yaml:"branches,omitempty,flow"`
	TargetBranches []string    `yaml:"target_branches,omitempty,flow"`
	Paths          []string    `yaml:"paths,omitempty,flow"`
	Tags           []string    `yaml:"tags,omitempty,flow"`
}

type concurrencyText struct {
	CancelPrevious bool `yaml:"cancel_previous,omitempty"`
	MaxConcurrent  int  `yaml:"max_concurrent,omitempty"`
}

// MarshalYAML writes a bare string, or name and run when the command has a name.
func (c Command) MarshalYAML() (any, error) {
	if c.Name == "" {
		return c.Run, nil
	}
	return namedCommand(c), nil
}

// WorkflowText writes what the pipeline says in the words of a `.oore.yaml`.
func (p Pipeline) WorkflowText() (string, error) {
	e, t := p.Execution, p.Trigger
	w := workflowText{
		Version: 1, Platforms: e.Platforms, FlutterVersion: e.FlutterVersion, Commands: commandsText(e.Commands),
		PlatformBuildArgs: e.PlatformBuildArgs, PlatformCommands: e.PlatformCommands, Env: e.Env, Timeout: shortTime(p.Timeout), Labels: p.Labels,
	}
	if len(e.ArtifactPatterns) > 0 {
		w.Artifacts = &patternsText{e.ArtifactPatterns}
	}
	if len(t.Events)+len(t.Branches)+len(t.TargetBranches)+len(t.Paths)+len(t.Tags) > 0 {
		text := triggersText(t)
		w.Triggers = &text
	}
	if p.Concurrency != (Concurrency{}) {
		text := concurrencyText(p.Concurrency)
		w.Concurrency = &text
	}
	var b bytes.Buffer
	out := yaml.NewEncoder(&b)
	out.SetIndent(2)
	if err := out.Encode(w); err != nil {
		return "", fmt.Errorf("write pipeline %s as YAML: %w", p.ID, err)
	}
	return b.String(), nil
}

// shortTime writes 90m0s as 1h30m.
func shortTime(d time.Duration) string {
	if d == 0 {
		return ""
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
