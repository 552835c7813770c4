package templates

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// InsightsView is what a project's builds come to.
type InsightsView struct {
	Page
	Project   core.Project
	Pipelines []core.Pipeline
	Pipeline  string // the chosen one's id; empty: all
	Figures   []FigureRow
	Chart     Chart
	Weeks     []WeekRow
	Steps     []StepRow
	Flaky     []core.FlakyTest
	Tested    int  // builds whose tests are known
	Cut       bool // the weeks are of the last 2,000 builds alone
}

// FigureRow is a build of the chart.
type FigureRow struct {
	core.Figure
	Pipeline string
}

// WeekRow is what ended in a week.
type WeekRow struct {
	Begins            time.Time
	Judged, Succeeded int
	Column            int // from 0, for the drawing
}

// Share is the part that succeeded, in percent.
func (w WeekRow) Share() int {
	if w.Judged == 0 {
		return 0
	}
	return 100 * w.Succeeded / w.Judged
}

// X and Y are where the column stands in the drawing, whose height is 100.
func (w WeekRow) X() int { return 60*w.Column + 10 }

// Y is where the column begins, from above.
func (w WeekRow) Y() int { return 100 - w.Share() }

// StepRow is how long a step takes.
type StepRow struct {
	Name            string
	Median, Longest time.Duration
	Builds          int
	Percent         int // of the slowest step's median
}

// Chart is durations as a line, oldest first.
type Chart struct {
	Points []ChartPoint
	Line   string // "x,y x,y"
	Grid   []ChartGrid
}

// ChartPoint is one build.
type ChartPoint struct {
	X, Y   int
	Status core.BuildStatus
}

// Icon is the corner of its mark.
func (p ChartPoint) Icon() ChartPoint { return ChartPoint{X: p.X - 6, Y: p.Y - 6} }

// ChartGrid is a line across with its value.
type ChartGrid struct {
	Y    int
	Took time.Duration
}

// The drawing's size, and its room for the words on the left.
const (
	chartLeft, chartRight = 70, 710
	chartTop, chartBottom = 15, 205
	chartLines            = 4
)

// NewChart draws figures that come newest first.
func NewChart(figures []core.Figure) Chart {
	var c Chart
	if len(figures) == 0 {
		return c
	}
	longest := time.Second
	for _, f := range figures {
		longest = max(longest, f.Took)
	}
	y := func(d time.Duration) int { return chartBottom - int(time.Duration(chartBottom-chartTop)*d/longest) }
	for i := range chartLines + 1 {
		took := longest * time.Duration(i) / chartLines
		c.Grid = append(c.Grid, ChartGrid{Y: y(took), Took: took})
	}
	var line []string
	for i, f := range slices.Backward(figures) {
		p := ChartPoint{X: chartRight, Y: y(f.Took), Status: f.Status}
		if n := len(figures) - 1; n > 0 {
			p.X = chartLeft + (n-i)*(chartRight-chartLeft)/n
		}
		c.Points = append(c.Points, p)
		line = append(line, fmt.Sprintf("%d,%d", p.X, p.Y))
	}
	c.Line = strings.Join(line, " ")
	return c
}

// Insights writes what a project's builds come to.
func (s *Set) Insights(w io.Writer, v InsightsView) error {
	return s.render(w, "insights", "layout", v)
}
