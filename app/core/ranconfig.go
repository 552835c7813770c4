package core

import (
	"bytes"
	"slices"

	"go.yaml.in/yaml/v3"
)

// RanConfig writes what a build ran, as far as that is kept, in the words of
// `.oore.yaml`: its commands in their order, and what bounded it. Secrets have no part
// in it, not even their names.
func RanConfig(b Build, steps []Step) (string, error) {
	type command struct {
		Name string `yaml:"name"`
		Run  string `yaml:"run"`
	}
	var commands []command
	for _, s := range steps {
		if s.Command != "" && !slices.Contains(ownSteps(), s.Name) {
			commands = append(commands, command{s.Name, s.Command})
		}
	}
	timeout := ""
	if b.Timeout > 0 {
		timeout = b.Timeout.String()
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	err := e.Encode(struct {
		Version   int                  `yaml:"version"`
		Platforms []string             `yaml:"platforms,omitempty,flow"`
		Commands  map[string][]command `yaml:"commands,omitempty"`
		Timeout   string               `yaml:"timeout,omitempty"`
		Labels    []string             `yaml:"labels,omitempty,flow"`
	}{1, b.Platforms, map[string][]command{"build": commands}, timeout, b.Labels})
	return out.String(), err
}
