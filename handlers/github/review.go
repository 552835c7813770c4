package github

import (
	"strings"

	"github.com/oore-ci/oore/app/core"
)

type reviewPayload struct {
	envelope
	Review      remark `json:"review"`
	PullRequest thread `json:"pull_request"`
}

// decodeReview reads a review's own text. The commit that it names is the one that was
// looked at, which need not be the head any more. GitHub takes no reactions to reviews.
func decodeReview(payload []byte) (core.Event, error) {
	var p reviewPayload
	if err := parse("pull_request_review", payload, &p); err != nil {
		return core.Event{}, err
	}
	switch {
	case p.Action != "submitted":
		return ignored(p.event(), core.WhyAction, "Review action %q runs nothing: a review is read once, as it was submitted.", p.Action), nil
	case strings.TrimSpace(p.Review.Body) == "":
		return ignored(p.event(), core.WhyNoCommand, "The review has no text of its own, so it holds no command."), nil
	}
	return said("pull_request_review", p.envelope, p.PullRequest, p.Review)
}

func decodeReviewComment(payload []byte) (core.Event, error) {
	var p envelope
	if err := parse("pull_request_review_comment", payload, &p); err != nil {
		return core.Event{}, err
	}
	return ignored(p.event(), core.WhyNoCommand, "Remarks on lines of code are never read as commands; write commands as comments of the pull request."), nil
}
