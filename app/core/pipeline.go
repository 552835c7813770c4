package core

import (
	"bytes"
	"encoding/json"
	"time"
)

// Pipeline says what to run in a project and what starts it.
type Pipeline struct {
	ID                 string
	ProjectID          string
	Name               string
	Slug               string
	ConfigPath         string // where the repository's own file is looked for
	ConfigPathExplicit bool   // a person chose the path: then no other is tried
	Execution          ExecutionConfig
	Trigger            Trigger
	Concurrency        Concurrency
	Timeout            time.Duration
	Labels             []string
	StatusContext      string // unique in a repository; default oore/<slug>
	Enabled            bool
	File               FileSettings
	CreatedAt          time.Time
	UpdatedAt          time.Time
}

// DefaultTimeout bounds a build whose pipeline names no other time.
const DefaultTimeout = time.Hour

// ConfigPaths lists the files that may hold the pipeline's configuration, best
// first.
func (p Pipeline) ConfigPaths() []string {
	if p.ConfigPathExplicit {
		return []string{p.ConfigPath}
	}
	return []string{".oore.yaml", ".oore.yml"}
}

// ExecutionConfig is what a build runs where the commit has no `.oore.yaml`.
type ExecutionConfig struct {
	Platforms         []string            `json:"platforms"`
	FlutterVersion    string              `json:"flutter_version,omitempty"`
	Commands          Commands            `json:"commands"`
	PlatformBuildArgs map[string][]string `json:"platform_build_args"`
	PlatformCommands  map[string]string   `json:"platform_commands"`
	Env               []EnvVar            `json:"env"`
	ArtifactPatterns  []string            `json:"artifact_patterns"`
}

// Commands are the three stages, run in this order; the first failure ends the build.
type Commands struct {
	PreBuild  []Command `json:"pre_build"`
	Build     []Command `json:"build"`
	PostBuild []Command `json:"post_build"`
}

// Command is one line for the shell. In JSON and YAML it is a bare string, or
// {name, run} when a person named it.
type Command struct {
	Name string
	Run  string
}

// EnvVar is one variable of a build's environment. Names are [A-Za-z_][A-Za-z0-9_]*.
type EnvVar struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Concurrency bounds the builds of a pipeline.
type Concurrency struct {
	CancelPrevious bool `json:"cancel_previous"`
	MaxConcurrent  int  `json:"max_concurrent,omitempty"` // 0: no bound
}

// MarshalJSON writes a bare string, or {name, run} when the command has a name.
func (c Command) MarshalJSON() ([]byte, error) {
	if c.Name == "" {
		return json.Marshal(c.Run)
	}
	return json.Marshal(namedCommand(c))
}

type namedCommand struct {
	Name string `json:"name"`
	Run  string `json:"run"`
}

// UnmarshalJSON reads both forms; an unknown field is an error.
func (c *Command) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*c = Command{}
		return json.Unmarshal(data, &c.Run)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode((*namedCommand)(c))
}
