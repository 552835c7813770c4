package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
)

// development is the version of a program that nobody released.
const development = "dev"

// version is set by the release build: -ldflags "-X main.version=1.2.3".
var version = development

func versionLine() string {
	commit, goVersion := "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		goVersion = info.GoVersion
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = s.Value
			}
		}
	}
	return fmt.Sprintf("oore %s (commit %s, %s)", version, commit, goVersion)
}

func versionCommand(_ context.Context, _ []string, stdout, _ io.Writer) error {
	_, err := fmt.Fprintln(stdout, versionLine())
	return err
}
