package apitest

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// ListTests answers a failed and a passed test, as two of nine.
func (f *Commands) ListTests(_ context.Context, actor core.Actor, buildID string, filter core.TestFilter, page core.Page) ([]core.TestCase, int, error) {
	return []core.TestCase{
		{Suite: "test/cart_test.dart", Name: "adds two items", Status: core.TestFailed, Duration: 1500 * time.Millisecond},
		{Name: "is empty at first", Status: core.TestPassed},
	}, 9, f.note("ListTests", actor, buildID, [2]any{filter, page})
}

// BuildRan answers that nothing is known.
func (f *Commands) BuildRan(_ context.Context, actor core.Actor, buildID string) (*core.Ran, error) {
	return nil, f.note("BuildRan", actor, buildID, nil)
}

// ReadWorkflow answers a file of one command.
func (f *Commands) ReadWorkflow(_ context.Context, actor core.Actor, in app.WorkflowAt) (app.WorkflowFile, error) {
	return app.WorkflowFile{Path: ".oore.yaml", SHA: "abababababababababababababababababababab", Text: "version: 1\ncommands: {build: [make]}\n"}, f.note("ReadWorkflow", actor, in.ProjectID, in)
}

// LookAtRepository answers that there is nothing.
func (f *Commands) LookAtRepository(_ context.Context, actor core.Actor, address string) (app.RepositoryLook, error) {
	return app.RepositoryLook{}, f.note("LookAtRepository", actor, address, nil)
}

// StartRepository answers Err.
func (f *Commands) StartRepository(_ context.Context, actor core.Actor, address string) (core.Build, error) {
	return core.Build{}, f.note("StartRepository", actor, address, nil)
}
