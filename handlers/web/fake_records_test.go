package web

import (
	"context"
	"fmt"
	"time"

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
