package templates

import (
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func TestTheChartRunsFromOldToNewWithinItsFrame(t *testing.T) {
	c := NewChart([]core.Figure{{Took: 4 * time.Minute}, {Took: 2 * time.Minute}, {}})
	if c.Line != "70,205 390,110 710,15" {
		t.Errorf("the line is %s", c.Line)
	}
	if len(c.Grid) != 5 || c.Grid[4].Took != 4*time.Minute || c.Grid[4].Y != 15 || c.Grid[0].Y != 205 {
		t.Errorf("the grid is %+v", c.Grid)
	}
	if one := NewChart([]core.Figure{{Took: time.Hour}}); one.Line != "710,15" {
		t.Errorf("of one build: %s", one.Line)
	}
	if none := NewChart(nil); len(none.Points)+len(none.Grid) > 0 {
		t.Errorf("of nothing: %+v", none)
	}
}

func TestBarsAreAsHighAsBuildsTookLong(t *testing.T) {
	now := time.Now()
	build := func(took time.Duration) core.Build {
		start, end := now.Add(-took), now
		return core.Build{StartedAt: &start, FinishedAt: &end}
	}
	bars := Bars([]core.Build{build(4 * time.Minute), build(2 * time.Minute), {}}, now)
	if len(bars) != 3 || bars[0].Height != 2 || bars[1].Height != 13 || bars[2].Height != 26 || bars[2].Top() != 18 {
		t.Errorf("%+v", bars)
	}
}
