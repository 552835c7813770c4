package core

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Trigger says which events start a pipeline. An empty list narrows nothing.
type Trigger struct {
	Events         []EventKind `json:"events"`
	Branches       []string    `json:"branches"`
	TargetBranches []string    `json:"target_branches"`
	Paths          []string    `json:"paths"`
	Tags           []string    `json:"tags"`
}

// Verdict is a decision with its reason: the answer to "why did nothing build?".
type Verdict struct {
	Matched bool
	Code    string
	Reason  string
}

func no(code, format string, args ...any) Verdict {
	return Verdict{Code: code, Reason: fmt.Sprintf(format, args...)}
}

// Match decides whether the event starts a build (contract sections 1 F9 and 4).
// The checks run in a fixed order and the first that stops gives the reason.
func (t Trigger) Match(e Event) Verdict {
	if e.Ignored != nil {
		return Verdict{Code: e.Ignored.Code, Reason: e.Ignored.Text}
	}
	if len(t.Events) > 0 && !slices.Contains(t.Events, e.Kind) {
		return no(WhyEvent, "This pipeline listens for %s, not for %s.", list(t.Events), e.Kind)
	}
	switch e.Kind {
	case EventTag:
		// A tag is never matched against branches, and only an explicit "tag" lets it in.
		if !slices.Contains(t.Events, EventTag) {
			return no(WhyEvent, "This pipeline does not list tag among its events.")
		}
		if !MatchBranch(t.Tags, e.Tag) {
			return no(WhyTag, "Tag %s matches none of %s.", e.Tag, list(t.Tags))
		}
	case EventPush, EventPullRequest, EventMergeGroup:
		if !MatchBranch(t.Branches, e.Branch) {
			return no(WhyBranch, "Branch %s matches none of %s.", e.Branch, list(t.Branches))
		}
		if e.Kind != EventPush && !MatchBranch(t.TargetBranches, e.TargetBranch) {
			return no(WhyTarget, "Target branch %s matches none of %s.", e.TargetBranch, list(t.TargetBranches))
		}
	case EventNone:
		return no(WhyEventUnknown, "This event starts no build.")
	}
	if e.Draft {
		return no(WhyDraft, "The pull request is a draft.")
	}
	// A merge queue waits for its required checks: skipping would block it for ever.
	if mark := SkipMark(e.Message); mark != "" && e.Kind != EventMergeGroup {
		return no(WhySkipMark, "The commit message contains %s.", mark)
	}
	if len(t.Paths) > 0 && e.PathsComplete && !matchPaths(t.Paths, e.Paths) {
		return no(WhyPath, "None of %d changed files match %s.", len(e.Paths), list(t.Paths))
	}
	return Verdict{Matched: true, Code: WhyMatched, Reason: matchedSentence(e)}
}

func matchedSentence(e Event) string {
	switch e.Kind {
	case EventTag:
		return fmt.Sprintf("The tag %s was pushed.", e.Tag)
	case EventPullRequest:
		if e.PullRequest != nil {
			return fmt.Sprintf("Pull request #%d from %s has a new commit.", e.PullRequest.Number, e.Branch)
		}
		return fmt.Sprintf("A pull request from %s has a new commit.", e.Branch)
	case EventMergeGroup:
		return fmt.Sprintf("The merge queue asks about %s.", e.Branch)
	case EventPush, EventNone:
	}
	return fmt.Sprintf("The branch %s was pushed.", e.Branch)
}

func list[S ~string](items []S) string {
	words := make([]string, len(items))
	for i, item := range items {
		words[i] = string(item)
	}
	return strings.Join(words, ", ")
}

// MatchBranch applies the branch dialect of contract section 4: `*` any run of
// characters, `/` included; `?` one character; `!pattern` takes away; the last
// pattern that matches decides; only `!` patterns: all others match; the rest
// literally, case-sensitive, whole name. No patterns at all match everything.
func MatchBranch(globs []string, branch string) bool {
	if len(globs) == 0 {
		return true
	}
	name := []rune(branch)
	// With "!" patterns alone the list only takes away, so everything starts in.
	matched := !slices.ContainsFunc(globs, func(g string) bool { return !strings.HasPrefix(g, "!") })
	for _, glob := range globs {
		pattern, negated := strings.CutPrefix(glob, "!")
		if matchGlob([]rune(pattern), name) {
			matched = !negated
		}
	}
	return matched
}

// matchGlob is linear in pattern × name: it remembers the last star alone.
func matchGlob(pattern, name []rune) bool {
	p, n, star, mark := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			mark++
			p, n = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// MatchPath applies the path dialect of contract section 4: doublestar, and a
// pattern without a slash matches the file name anywhere.
func MatchPath(pattern, path string) bool {
	if !strings.Contains(pattern, "/") {
		path = path[strings.LastIndex(path, "/")+1:]
	}
	ok, err := doublestar.Match(pattern, path)
	return err == nil && ok
}

func matchPaths(patterns, paths []string) bool {
	return slices.ContainsFunc(paths, func(path string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool { return MatchPath(pattern, path) })
	})
}

var skipMark = regexp.MustCompile(`(?i)\[ *(?:skip +ci|ci +skip|no +ci) *\]`)

// SkipMark returns the mark in a commit message that asks for no build, or "".
func SkipMark(message string) string { return skipMark.FindString(message) }
