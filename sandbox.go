package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oore-ci/oore/runner"
)

func readSandbox(c *Config, value string) error {
	if value != "on" && value != "off" {
		return errors.New("give on or off")
	}
	c.Sandbox = value == "on"
	return nil
}

func readSandboxWritable(c *Config, value string) (err error) {
	c.SandboxWritable, err = absolutePaths(value)
	return err
}

// validateSandbox refuses what would open the data folder to builds.
func (c *Config) validateSandbox() []error {
	for _, path := range c.SandboxWritable {
		if path == c.DataDir || strings.HasPrefix(path, c.DataDir+"/") {
			return []error{fmt.Errorf("OORE_SANDBOX_WRITABLE: %s is in the data folder; give a folder outside of it", path)}
		}
	}
	return nil
}

// sandbox is what builds are confined to; nil: they are not. What the server keeps
// outside of the data folder is hidden too.
func (c *Config) sandbox() *runner.SandboxOptions {
	if !c.Sandbox {
		return nil
	}
	hidden := append(slices.Clone(c.SecretFiles), c.BlobDir)
	if !strings.HasPrefix(c.DatabaseURL, "postgres") {
		database := strings.TrimPrefix(strings.TrimPrefix(c.DatabaseURL, "sqlite:"), "//")
		hidden = append(hidden, database, database+"-wal", database+"-shm", database+"-journal")
	}
	return &runner.SandboxOptions{Writable: c.SandboxWritable, Hidden: absolute(append(hidden, neighbors()...))}
}

// neighbors are the usual data folders of a server and of a runner, as far as they are
// there: both may be of one user and on one machine.
func neighbors() []string {
	server := defaults().DataDir
	return slices.DeleteFunc([]string{server, server + "-runner"}, func(dir string) bool {
		_, err := os.Stat(dir)
		return err != nil
	})
}

func absolute(paths []string) []string {
	var out []string
	for _, path := range paths {
		if path, err := filepath.Abs(path); err == nil {
			out = append(out, path)
		}
	}
	return out
}

// files are those in which settings of the table are given.
func (e environment) files(table []setting) []string {
	var paths []string
	for _, s := range table {
		if path := e.lookup(s.env + "_FILE"); path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}
