package app

import (
	"context"
	"slices"

	"github.com/oore-ci/oore/app/core"
)

// refusePlatforms tells why a build of the commit cannot be narrowed to the platforms:
// KindInvalid, code config_invalid. What the forge does not let us read now is left to
// the build, which then fails and says the same.
func (a *App) refusePlatforms(ctx context.Context, repo core.Repository, p core.Pipeline, sha string, platforms []string) error {
	if len(platforms) == 0 {
		return nil
	}
	reader, ok := a.forges[repo.Provider].(core.FileReader)
	if !ok {
		return nil
	}
	path, data, err := readConfig(ctx, reader, repo, p, sha)
	var file *core.Workflow
	if err == nil && path != "" {
		file, err = core.ParseWorkflow(data)
	}
	if err != nil {
		return nil
	}
	_, err = core.ResolveConfig(p, file, platforms...)
	return err
}

// askedPlatforms are those that a command names, each once.
func askedPlatforms(in core.ChatCommand) []string {
	return slices.Compact(slices.Sorted(slices.Values(in.List("platform"))))
}

// readConfig reads the pipeline's file at a commit; no path: it has none.
func readConfig(ctx context.Context, reader core.FileReader, repo core.Repository, p core.Pipeline, sha string) (path string, data []byte, err error) {
	for _, path := range p.ConfigPaths() {
		data, err := reader.ReadFile(ctx, repo, sha, path)
		if core.KindOf(err) == core.KindNotFound && err != nil {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		return path, data, nil
	}
	return "", nil, nil
}
