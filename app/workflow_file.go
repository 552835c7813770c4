package app

import (
	"context"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// WorkflowAt names a `.oore.yaml` in a project's repository.
type WorkflowAt struct {
	ProjectID  string
	PipelineID string // whose path counts; empty: the usual ones
	Ref        string // a branch, a tag or a full SHA; empty: the project's branch
}

// WorkflowFile is one as it was read.
type WorkflowFile struct {
	Path, SHA, Text string
	Pipeline        core.Pipeline // ID empty: none was named
}

// ReadWorkflow reads it, for those who may start builds of it. Unknown refs: KindInvalid,
// code invalid_ref; no such file: KindInvalid, code config_missing.
func (a *App) ReadWorkflow(ctx context.Context, actor core.Actor, in WorkflowAt) (WorkflowFile, error) {
	var f WorkflowFile
	project, err := a.FindProject(ctx, actor, in.ProjectID)
	if err == nil {
		err = core.Allow(actor, core.ActTrigger, &project)
	}
	if err != nil {
		return f, err
	}
	if in.PipelineID != "" {
		if f.Pipeline, err = a.store.FindPipeline(ctx, in.PipelineID); err != nil {
			return f, err
		}
		if f.Pipeline.ProjectID != project.ID {
			return f, core.Errorf(core.KindNotFound, "Pipeline not found")
		}
	}
	reader, ok := a.forges[project.Repository.Provider].(core.FileReader)
	if !ok {
		return f, core.Errorf(core.KindInvalid, "%s is not set up any more", project.Repository.Provider)
	}
	commit := ""
	if core.ValidSHA(in.Ref) {
		commit, in.Ref = in.Ref, ""
	}
	head, err := a.resolve(ctx, project.Repository, orElse(in.Ref, project.Branch()), commit)
	if err != nil {
		return f, err
	}
	path, text, err := readConfig(ctx, reader, project.Repository, f.Pipeline, head.SHA)
	if err == nil && path == "" {
		err = core.Codef(core.KindInvalid, core.ReasonConfigMissing, "There is no %s at %s", strings.Join(f.Pipeline.ConfigPaths(), " or "), shortSHA(head.SHA))
	}
	f.Path, f.SHA, f.Text = path, head.SHA, string(text)
	return f, err
}
