package templates

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// BuildView is a build's own page.
type BuildView struct {
	Page
	Build     core.Build
	Project   core.Project
	Pipeline  core.Pipeline
	Source    *core.Build // of which this is a rerun
	Steps     []core.Step
	Events    []core.BuildEvent
	Artifacts []core.Artifact
	Place     *core.QueuePlace // while it waits
	Usual     core.UsualTimes
	ErrorLine int64 // the number of the line to look at first; 0: none
	Tab       BuildTab
	Log       LogView
	Groups    []core.LogGroup // of the log
	History   []core.Build    // with tests, of the pipeline, up to this one, newest first
	Tests     TestsView       // of the tab
	Ran       *core.Ran       // nil: not known, or not asked for
	MayRun    bool            // may cancel and run again
	PublicURL string          // without a trailing slash
	Demo      bool            // it is of the sample repository, and the reader may push to that
}

// Build writes a build's page.
func (s *Set) Build(w io.Writer, v BuildView) error { return s.render(w, "build", "layout", v) }

// BuildParts writes only what changes while a build runs, its head and its steps,
// for the script to put in place.
func (s *Set) BuildParts(w io.Writer, v BuildView) error { return s.render(w, "build", "parts", v) }

// BuildTitle names a build in a tab, its state first: "✕ shop #142 failed".
func BuildTitle(b core.Build, project string) string {
	glyph := map[core.BuildStatus]string{
		core.BuildQueued: "◷", core.BuildAssigned: "→", core.BuildRunning: "◔", core.BuildSucceeded: "✓",
		core.BuildFailed: "✕", core.BuildCanceled: "⊘", core.BuildTimedOut: "⧗", core.BuildExpired: "!",
	}[b.Status]
	return fmt.Sprintf("%s %s #%d %s", glyph, project, b.Number, strings.ToLower(word(string(b.Status))))
}

// Say is the news for screen readers when the state changes.
func (v BuildView) Say() string {
	return fmt.Sprintf("Build %d: %s", v.Build.Number, strings.ToLower(word(string(v.Build.Status))))
}

// Trigger says in words what started the build.
func (v BuildView) Trigger() string { return triggerWords(v.Build) }

// Took is how long it ran, until now if it runs.
func (v BuildView) Took() time.Duration { return v.Build.Duration(v.Now) }

// Waited is the time from the queue to a runner, until now if it waits.
func (v BuildView) Waited() time.Duration {
	switch {
	case v.Build.AssignedAt != nil:
		return v.Build.AssignedAt.Sub(v.Build.QueuedAt)
	case v.Build.FinishedAt != nil:
		return v.Build.FinishedAt.Sub(v.Build.QueuedAt)
	}
	return v.Now.Sub(v.Build.QueuedAt)
}

// CommitURL is the commit's page at its forge; empty where there is none.
func (v BuildView) CommitURL() string {
	switch repo := v.Project.Repository; {
	case repo.WebURL == "" || v.Build.SHA == "":
		return ""
	case repo.Provider == core.ProviderGitLab:
		return repo.WebURL + "/-/commit/" + v.Build.SHA
	case repo.Provider == core.ProviderGitHub:
		return repo.WebURL + "/commit/" + v.Build.SHA
	}
	return ""
}

// Finding is a problem or a failed test with its line's page at the forge, if it has
// one.
type Finding struct {
	core.Annotation
	URL string
}

// Word is how bad it is.
func (f Finding) Word() string { return word(string(f.Level)) }

// Finding adds the page of the annotation's line, at the build's commit.
func (v BuildView) Finding(a core.Annotation) Finding {
	return Finding{Annotation: a, URL: v.Project.Repository.FileURL(v.Build.SHA, a.Path, a.Line)}
}

// Findings are those to be listed: all, unless the one that there is stands above
// already.
func (v BuildView) Findings() []Finding {
	all := v.Build.Annotations()
	if len(all) == 1 && v.Build.FirstError() != nil {
		return nil
	}
	findings := make([]Finding, len(all))
	for i, a := range all {
		findings[i] = v.Finding(a)
	}
	return findings
}

// FailedStep is the step that decided a failure, nil if no step did.
func (v BuildView) FailedStep() *StepView {
	for _, s := range v.StepViews() {
		if s.Status == core.StepFailed {
			return &s
		}
	}
	return nil
}

// Problem is the sentence for a build that did not end well, empty for the others.
func (v BuildView) Problem() string {
	b := v.Build
	switch {
	case !b.Status.Terminal() || b.Status == core.BuildSucceeded:
		return ""
	case b.StatusMessage != "":
		return strings.TrimRight(b.StatusMessage, ".") + "."
	case v.FailedStep() != nil:
		return v.FailedStep().Name + " failed."
	case b.StatusReason == core.ReasonRunnerLost:
		return "The runner stopped answering, so the output ends where it was."
	case b.Status == core.BuildTimedOut:
		return "It ran longer than " + core.HumanDuration(b.Timeout) + ", its limit."
	case b.Status == core.BuildExpired:
		return "No runner took it in time. Start a runner, then run the build again."
	case b.Status == core.BuildCanceled:
		return "Somebody stopped it."
	}
	return "It stopped without saying why; the last lines of its log may tell."
}

// Waiting says why nothing runs yet although the build is not in the queue any more.
func (v BuildView) Waiting() string {
	if v.Build.Status == core.BuildAssigned {
		return "The runner " + v.Build.RunnerName + " is getting ready."
	}
	return ""
}

// Left says how much longer it will run, if that can be told.
func (v BuildView) Left() string {
	if v.Build.Status != core.BuildRunning || v.Usual.Build == 0 {
		return ""
	}
	usual := "usual " + core.HumanDuration(v.Usual.Build)
	left := v.Usual.Build - v.Took()
	switch {
	case left < 0:
		return "longer than " + usual
	case left < time.Minute:
		return "less than a minute left, " + usual
	}
	return fmt.Sprintf("about %d min left, %s", int((left+30*time.Second)/time.Minute), usual)
}

// Done is how much of the usual time has passed, in percent.
func (v BuildView) Done() int {
	if v.Usual.Build == 0 {
		return 0
	}
	return int(min(100*v.Took()/v.Usual.Build, 100))
}

// Try says what may help after a failure, by its reason; empty where the output tells.
func (v BuildView) Try() string {
	switch v.Build.StatusReason {
	case core.ReasonCheckoutFailed:
		return "Look whether the commit still exists and whether the source may read the repository, then run the build again."
	case core.ReasonCommitUnknown:
		return "No branch or tag reaches this commit. Push it to a branch, or approve it if it comes from a fork."
	case core.ReasonConfigInvalid, core.ReasonConfigMissing:
		return "Mend the configuration and push; running this commit again ends the same way."
	case core.ReasonRunnerLost, core.ReasonRunnerShutdown, core.ReasonRunnerError:
		return "It is no fault of the commit: run it again, and look at the runner if it happens twice."
	case core.ReasonTimedOut:
		return "Look for what hangs in the last lines, or give the pipeline more time."
	case core.ReasonExpired:
		return "Start a runner with the labels that the pipeline wants, then run the build again."
	case core.ReasonArtifactMissing:
		return "Compare the artifact patterns with what the build wrote."
	case core.ReasonWorkspaceLimit:
		return "Let the build write less, or raise the runner's limit."
	case core.ReasonCommandFailed:
		if v.Build.Tests != nil && v.Build.Tests.Failed > 0 {
			return "Read the failed tests; if one is known to fail now and then, run the build again."
		}
	}
	return ""
}

// StepView is a step with its share of the time.
type StepView struct {
	core.Step
	Number int // from 1
	Took   time.Duration
	Share  int           // percent of the longest step; of one that runs, of its usual time
	Usual  time.Duration // 0: not known
	Groups []core.LogGroup
	More   int // groups that are not listed
}

// AtMS is when it began, in milliseconds since the build was queued.
func (s StepView) AtMS(b core.Build) int64 { return s.StartedAt.Sub(b.QueuedAt).Milliseconds() }

// listedGroups is how many groups of a step the page lists.
const listedGroups = 40

// Line is the number of the step's first line, 0 if it printed nothing.
func (s StepView) Line() int64 {
	if s.LastSequence == nil && s.Status != core.StepRunning {
		return 0
	}
	return s.FirstSequence + 1
}

// StepViews are the steps with durations, those that run measured until now.
func (v BuildView) StepViews() []StepView {
	views := make([]StepView, len(v.Steps))
	longest := time.Millisecond
	for i, s := range v.Steps {
		end := v.Now
		if s.FinishedAt != nil {
			end = *s.FinishedAt
		}
		views[i] = StepView{Step: s, Number: i + 1, Took: end.Sub(s.StartedAt), Usual: v.Usual.Steps[s.Name]}
		for _, g := range v.Groups {
			if g.Step == s.Name {
				views[i].Groups = append(views[i].Groups, g)
			}
		}
		views[i].More = max(0, len(views[i].Groups)-listedGroups)
		views[i].Groups = views[i].Groups[:min(len(views[i].Groups), listedGroups)]
		longest = max(longest, views[i].Took)
	}
	for i := range views {
		views[i].Share = int(100 * views[i].Took / longest)
		if usual := views[i].Usual; views[i].FinishedAt == nil && usual > 0 {
			views[i].Share = int(min(100*views[i].Took/usual, 100))
		}
	}
	return views
}
