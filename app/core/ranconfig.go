package core

import (
	"bytes"
	"slices"

	"go.yaml.in/yaml/v3"
)

// RanConfig writes what a build ran, as far as that is kept, in the words of
// `.oore.yaml`: its commands in their order, and what bounded it; with what its runner
// recorded, if it did. Secrets have no part in it, not even their names, and neither have
// variables, of which no value is kept.
func RanConfig(b Build, steps []Step, ran *Ran) (string, error) {
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
	if ran == nil {
		ran = &Ran{Timeout: b.Timeout}
	}
	timeout := ""
	if ran.Timeout > 0 {
		timeout = ran.Timeout.String()
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	type rule struct {
		Key   string   `yaml:"key"`
		Paths []string `yaml:"paths,flow"`
	}
	var caches []rule
	for _, c := range ran.Cache {
		caches = append(caches, rule(c))
	}
	err := e.Encode(struct {
		Version   int                  `yaml:"version"`
		Platforms []string             `yaml:"platforms,omitempty,flow"`
		Flutter   string               `yaml:"flutter_version,omitempty"`
		Commands  map[string][]command `yaml:"commands,omitempty"`
		Cache     []rule               `yaml:"cache,omitempty"`
		Artifacts map[string][]string  `yaml:"artifacts,omitempty"`
		Reports   map[string][]string  `yaml:"reports,omitempty"`
		Timeout   string               `yaml:"timeout,omitempty"`
		Labels    []string             `yaml:"labels,omitempty,flow"`
	}{
		1, b.Platforms, ran.Flutter,
		map[string][]command{"build": commands},
		caches,
		listed("patterns", ran.Artifacts), listed("junit", ran.JUnit), timeout, b.Labels,
	})
	return out.String(), err
}

func listed(key string, items []string) map[string][]string {
	if len(items) == 0 {
		return nil
	}
	return map[string][]string{key: items}
}
