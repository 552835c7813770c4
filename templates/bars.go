package templates

import (
	"slices"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Bar is a build among the last of its pipeline: as high as it took long, beside the
// longest of them.
type Bar struct {
	Build  core.Build
	Took   time.Duration
	Height int // of barRoom
}

// barRoom is what the longest build fills, in the units of the drawing; the icon of the
// state stands above it.
const (
	barRoom  = 26
	barFloor = 44
	barLeast = 2
)

// Top is where the bar begins, from above.
func (b Bar) Top() int { return barFloor - b.Height }

// IconTop is where the icon stands.
func (b Bar) IconTop() int { return b.Top() - 17 }

// Bars draws builds that come newest first, oldest first, as people read.
func Bars(builds []core.Build, now time.Time) []Bar {
	longest := time.Second
	bars := make([]Bar, len(builds))
	for i, b := range builds {
		bars[i] = Bar{Build: b, Took: b.Duration(now)}
		longest = max(longest, bars[i].Took)
	}
	for i := range bars {
		bars[i].Height = max(barLeast, int(barRoom*bars[i].Took/longest))
	}
	slices.Reverse(bars)
	return bars
}
