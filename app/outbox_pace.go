package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// commentPause is the shortest time between two edits of a comment: what happens in between
// is told by the next. That all of it has ended is told at once, if it was not told already.
const commentPause = 10 * time.Second

// errOurPause is in the error of an edit that waits for its turn: nobody outside was asked.
var errOurPause = errors.New("the pause between two edits is not over")

// ended tells whether a comment speaks of nothing that goes on.
func ended(c core.Comment) bool {
	return !slices.ContainsFunc(c.Reports, func(r core.Report) bool { return !r.Build.Status.Terminal() })
}

// commentSaid is what an effect keeps of a comment that was sent: the digest, what it told
// and when.
func commentSaid(digest string, c core.Comment, at time.Time) string {
	return fmt.Sprintf("%s %t %d", digest, ended(c), at.UnixMilli())
}

// commentTurn is KindLimited, because of errOurPause, if the comment was edited just now; sent is of the edit before,
// by commentSaid, or empty.
func commentTurn(sent string, c core.Comment, now time.Time) error {
	var at int64
	var before bool
	_, told, _ := strings.Cut(sent, " ")
	if n, _ := fmt.Sscanf(told, "%t %d", &before, &at); n != 2 || ended(c) && !before {
		return nil
	}
	wait := time.UnixMilli(at).Add(commentPause).Sub(now)
	if wait <= 0 || wait > commentPause { // by a clock that was ahead then
		return nil
	}
	err := core.Errorf(core.KindLimited, "The comment was edited just now").Because(errOurPause)
	err.RetryAfter = min(wait, commentPause)
	return err
}
