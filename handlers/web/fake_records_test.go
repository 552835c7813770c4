package web

import (
	"context"
	"fmt"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// testCases are 214 tests, of which one failed and two were skipped.
func testCases() []core.TestCase {
	cases := []core.TestCase{{Suite: "test/cart_test.dart", Name: "adds two <items>", Status: core.TestFailed, Duration: 1500 * time.Millisecond}}
	for i := range 213 {
		c := core.TestCase{Suite: "test/cart_test.dart", Name: fmt.Sprintf("case %03d", i), Status: core.TestPassed, Duration: time.Duration(i) * time.Millisecond}
		if i < 2 {
			c.Status = core.TestSkipped
		}
		cases = append(cases, c)
	}
	return cases
}

func (f *fake) ListTests(ctx context.Context, actor core.Actor, buildID string, filter core.TestFilter, page core.Page) ([]core.TestCase, int, error) {
	b, err := f.FindBuild(ctx, actor, buildID)
	if err != nil || b.Tests == nil {
		return nil, 0, err
	}
	if f.testsAway {
		return nil, 0, core.Errorf(core.KindUnavailable, "The blob store is down")
	}
	all := filter.Of(testCases())
	first := min(page.Offset, len(all))
	return all[first:min(first+page.Limit, len(all))], len(all), nil
}

func (f *fake) BuildRan(ctx context.Context, actor core.Actor, buildID string) (*core.Ran, error) {
	b, err := f.FindBuild(ctx, actor, buildID)
	if err != nil || b.Tests == nil {
		return nil, err
	}
	return &core.Ran{
		Source: ".oore.yaml", Flutter: "3.35.1", Env: []string{"FLAVOR", "API_URL"}, Secrets: 2, Artifacts: []string{"build/**/*.apk"}, JUnit: []string{"**/TEST-*.xml"},
		Cache: []core.RanCache{{Key: `pub-{{ hashFiles "pubspec.lock" }}`, Paths: []string{".dart_tool"}}}, Timeout: 40 * time.Minute,
	}, nil
}

// ReadWorkflow knows one file on main, and a broken one on dev.
func (f *fake) ReadWorkflow(_ context.Context, _ core.Actor, in app.WorkflowAt) (app.WorkflowFile, error) {
	file := app.WorkflowFile{Path: ".oore.yaml", SHA: "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678", Text: "version: 1\nlabels: [macos]\ncommands: {build: [make]}\n"}
	switch in.Ref {
	case "", "main":
	case "dev":
		file.Text = "version: 1\nplatform: [android]\n"
	default:
		return file, core.Codef(core.KindInvalid, core.CodeInvalidRef, "acme/shop has no branch, tag or commit %s", in.Ref)
	}
	return file, nil
}
