package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/oore-ci/oore/app/core"
)

// readPlan finds out what to run: the commit's own file, or the pipeline's
// configuration where there is none, for these platforms if some are named. An error is
// a *failure.
func readPlan(workspace string, p core.Pipeline, platforms ...string) (core.Plan, error) {
	path, data, err := readConfig(workspace, p.ConfigPaths())
	if err != nil {
		return core.Plan{}, failf(core.ReasonConfigInvalid, "%v", err)
	}
	if path == "" && p.ConfigPathExplicit {
		return core.Plan{}, failf(core.ReasonConfigMissing,
			"%s does not exist in this commit: add it, or change the pipeline's configuration path", p.ConfigPath)
	}
	var file *core.Workflow
	if path != "" {
		if file, err = core.ParseWorkflow(data); err != nil {
			return core.Plan{}, brokenConfig(path, err)
		}
	}
	plan, err := core.ResolveConfig(p, file, platforms...)
	if err != nil {
		return core.Plan{}, failf(core.CodeOf(err), "%s", sentence(err))
	}
	plan.Source = path
	return plan, nil
}

// brokenConfig gives the first problem as the reason, and all of them as details.
func brokenConfig(path string, err error) error {
	var w *core.WorkflowError
	if !errors.As(err, &w) {
		return failf(core.ReasonConfigInvalid, "%s: %s", path, sentence(err))
	}
	f := failf(core.ReasonConfigInvalid, "%s %s", path, w.Problems[0])
	for _, p := range w.Problems[1:] {
		f.details = append(f.details, fmt.Sprintf("%s %s", path, p))
	}
	if n := len(f.details); n > 0 {
		f.message += fmt.Sprintf(" (and %d more)", n)
	}
	return f
}

// readConfig reads the first of the paths that exists; an empty path: none does.
// The file must be a plain one that lies in the workspace, links resolved.
func readConfig(workspace string, paths []string) (path string, data []byte, err error) {
	root, err := os.OpenRoot(workspace)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = root.Close() }()
	for _, path := range paths {
		info, err := root.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return "", nil, fmt.Errorf("%s cannot be read as a file of the repository: %w", path, err)
		case !info.Mode().IsRegular():
			return "", nil, fmt.Errorf("%s is no plain file", path)
		case info.Size() > core.MaxWorkflowBytes:
			return "", nil, fmt.Errorf("%s has %d bytes; at most %d are read", path, info.Size(), core.MaxWorkflowBytes)
		}
		data, err := root.ReadFile(path)
		return path, data, err
	}
	return "", nil, nil
}

// sentence is what an error of the house says to a person.
func sentence(err error) string {
	var e *core.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}
