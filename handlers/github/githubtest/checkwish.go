package githubtest

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// GitHub's limits of a check run.
const (
	maxSummary          = 65_535
	maxAnnotations      = 50 // of one request
	maxAnnotationBytes  = 64 << 10
	maxAnnotationTitle  = 255
	maxActions          = 3
	maxLabel            = 20
	maxActionText       = 40
	maxActionIdentifier = 20
)

// checkWish is the body of a call; what is nil stays as it is.
type checkWish struct {
	Name        *string    `json:"name"`
	SHA         string     `json:"head_sha"`
	ExternalID  *string    `json:"external_id"`
	DetailsURL  *string    `json:"details_url"`
	Status      *string    `json:"status"`
	Conclusion  *string    `json:"conclusion"`
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
	Output      *struct {
		Title       *string      `json:"title"`
		Summary     *string      `json:"summary"`
		Annotations []Annotation `json:"annotations"`
	} `json:"output"`
	Actions []Action `json:"actions"`
}

// apply makes the check run say what the call says; the answer is set if it may not.
func (w checkWish) apply(run *CheckRun) (refusal answer) {
	refused := func(field, message string) answer { return invalid("CheckRun", field, message) }
	set(&run.Name, w.Name)
	set(&run.ExternalID, w.ExternalID)
	set(&run.DetailsURL, w.DetailsURL)
	set(&run.Status, w.Status)
	if w.Conclusion != nil {
		run.Conclusion, run.Status = *w.Conclusion, "completed"
	}
	switch {
	case run.Name == "":
		return refused("name", "name can't be blank")
	case run.DetailsURL != "" && !strings.HasPrefix(run.DetailsURL, "http://") && !strings.HasPrefix(run.DetailsURL, "https://"):
		return refused("details_url", "details_url must use http(s) scheme")
	case !slices.Contains([]string{"queued", "in_progress", "completed"}, run.Status):
		return refused("status", "status is not included in the list")
	case run.Status == "completed" && !slices.Contains([]string{"action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"}, run.Conclusion):
		return refused("conclusion", "conclusion is not included in the list")
	case run.Status != "completed":
		run.Conclusion, run.CompletedAt = "", nil
	}
	if w.StartedAt != nil {
		run.StartedAt = w.StartedAt
	}
	if w.CompletedAt != nil {
		run.CompletedAt = w.CompletedAt
	}
	if now := time.Now().UTC(); run.Status == "completed" && run.CompletedAt == nil {
		run.CompletedAt = &now
	}
	if message := w.output(run); message != "" {
		return refused("output", message)
	}
	if message := w.buttons(run); message != "" {
		return refused("actions", message)
	}
	return answer{}
}

func set(field *string, value *string) {
	if value != nil {
		*field = *value
	}
}

// output takes the output over, and adds the annotations to those that are there.
func (w checkWish) output(run *CheckRun) (refusal string) {
	if w.Output == nil {
		return ""
	}
	if w.Output.Title == nil || w.Output.Summary == nil {
		return "title and summary are required"
	}
	if utf8.RuneCountInString(*w.Output.Summary) > maxSummary {
		return fmt.Sprintf("Only %d characters are allowed; more were supplied.", maxSummary)
	}
	if n := len(w.Output.Annotations); n > maxAnnotations {
		return fmt.Sprintf("annotations exceeds a maximum quantity of %d", maxAnnotations)
	}
	for _, a := range w.Output.Annotations {
		if a.Path == "" || a.StartLine < 1 || a.EndLine < a.StartLine || a.Message == "" || len(a.Message) > maxAnnotationBytes ||
			utf8.RuneCountInString(a.Title) > maxAnnotationTitle || !slices.Contains([]string{"notice", "warning", "failure"}, a.Level) {
			return "an annotation is invalid"
		}
	}
	run.Title, run.Summary = *w.Output.Title, *w.Output.Summary
	run.Annotations = append(run.Annotations, w.Output.Annotations...)
	return ""
}

func (w checkWish) buttons(run *CheckRun) (refusal string) {
	if len(w.Actions) > maxActions {
		return fmt.Sprintf("No more than %d actions are allowed", maxActions)
	}
	for _, a := range w.Actions {
		if a.Label == "" || a.Description == "" || a.Identifier == "" || utf8.RuneCountInString(a.Label) > maxLabel ||
			utf8.RuneCountInString(a.Description) > maxActionText || utf8.RuneCountInString(a.Identifier) > maxActionIdentifier {
			return "an action is invalid"
		}
	}
	if w.Actions != nil {
		run.Actions = w.Actions
	}
	return ""
}
