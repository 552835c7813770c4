package core

import (
	"strings"
	"testing"
)

func TestMatchBranch(t *testing.T) {
	for _, c := range []struct {
		globs string // separated by spaces
		yes   []string
		no    []string
	}{
		{"", []string{"main", "a/b", ""}, nil},
		{"main", []string{"main"}, []string{"Main", "main2", "xmain", "", "release/main"}},
		{"release/*", []string{"release/1.0", "release/a/b", "release/"}, []string{"release", "prerelease/1"}},
		{"*", []string{"main", "feature/x", ""}, nil},
		{"feature/**/x", []string{"feature/a/b/x", "feature//x"}, []string{"feature/x"}},
		{"v?.x", []string{"v1.x", "vé.x", "v日.x"}, []string{"v.x", "v10.x"}},
		{"[ab]", []string{"[ab]"}, []string{"a", "b"}},
		{"{a,b}", []string{"{a,b}"}, []string{"a"}},
		{`a\*`, []string{`a\b`}, []string{"a*"}},
		{"*-rc", []string{"1-rc", "-rc", "a-rc-rc"}, []string{"1-rc2"}},
		{"main release/*", []string{"main", "release/1"}, []string{"dev"}},
		// Negation: the last pattern that matches decides.
		{"* !wip/*", []string{"main", "wip"}, []string{"wip/a", "wip/"}},
		{"!wip/* *", []string{"wip/a", "main"}, nil},
		{"release/* !release/old release/old", []string{"release/old", "release/1"}, []string{"main"}},
		{"!wip/*", []string{"main", "release/1"}, []string{"wip/a"}},
		{"!a !b", []string{"c"}, []string{"a", "b"}},
		{"main !main", nil, []string{"main", "dev"}},
		{"größe/*", []string{"größe/1"}, []string{"grosse/1"}},
	} {
		globs := strings.Fields(c.globs)
		for _, name := range c.yes {
			if !MatchBranch(globs, name) {
				t.Errorf("%q must match %q", globs, name)
			}
		}
		for _, name := range c.no {
			if MatchBranch(globs, name) {
				t.Errorf("%q must not match %q", globs, name)
			}
		}
	}
}

// naiveGlob is the definition of the dialect, with no thought for time.
func naiveGlob(pattern, name []rune) bool {
	if len(pattern) == 0 {
		return len(name) == 0
	}
	if pattern[0] == '*' {
		return naiveGlob(pattern[1:], name) || len(name) > 0 && naiveGlob(pattern, name[1:])
	}
	return len(name) > 0 && (pattern[0] == '?' || pattern[0] == name[0]) && naiveGlob(pattern[1:], name[1:])
}

func TestGlobsAgreeWithTheirDefinition(t *testing.T) {
	var words []string
	var grow func(prefix, alphabet string, left int)
	grow = func(prefix, alphabet string, left int) {
		words = append(words, prefix)
		if left > 0 {
			for _, r := range alphabet {
				grow(prefix+string(r), alphabet, left-1)
			}
		}
	}
	grow("", "ab/", 4)
	names := words
	words = nil
	grow("", "a*?/", 4)
	for _, pattern := range words {
		for _, name := range names {
			if got, want := matchGlob([]rune(pattern), []rune(name)), naiveGlob([]rune(pattern), []rune(name)); got != want {
				t.Fatalf("%q on %q: %v, the definition says %v", pattern, name, got, want)
			}
		}
	}
}

func FuzzMatchBranch(f *testing.F) {
	f.Add("release/*", "release/1.0")
	f.Add("!a*b?", "axxbé")
	f.Add("**/**", "\xff/")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 12 || len(name) > 16 {
			pattern, name = pattern[:min(12, len(pattern))], name[:min(16, len(name))]
		}
		glob, negated := strings.CutPrefix(pattern, "!")
		want := naiveGlob([]rune(glob), []rune(name)) != negated
		if got := MatchBranch([]string{pattern}, name); got != want {
			t.Errorf("%q on %q: %v, the definition says %v", pattern, name, got, want)
		}
	})
}

// A matcher that tries every split would not come back from this one.
func TestAPatternCannotMakeMatchingExponential(t *testing.T) {
	pattern := strings.Repeat("*a", 250) + "b"
	if MatchBranch([]string{pattern}, strings.Repeat("a", 5000)) {
		t.Error("there is no b in the name")
	}
}

func TestMatchPath(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"*.apk", "build/app/outputs/app.apk", true},
		{"*.apk", "app.apk", true},
		{"*.apk", "app.apk/readme", false},
		{"pubspec.yaml", "packages/a/pubspec.yaml", true},
		{"lib/*.dart", "lib/main.dart", true},
		{"lib/*.dart", "lib/src/main.dart", false},
		{"lib/**/*.dart", "lib/src/main.dart", true},
		{"lib/**/*.dart", "lib/main.dart", true},
		{"docs/**", "docs/a/b.md", true},
		{"docs/**", "src/docs/a.md", false},
		{"**/*.{apk,aab}", "x/y.aab", true},
		{"[", "[", false},
	} {
		if got := MatchPath(c.pattern, c.path); got != c.want {
			t.Errorf("MatchPath(%q, %q) = %v", c.pattern, c.path, got)
		}
	}
}

func TestTriggerMatchGivesItsReason(t *testing.T) {
	push := Event{Kind: EventPush, Branch: "main", SHA: "abc", Message: "fix"}
	pull := Event{Kind: EventPullRequest, Branch: "topic", TargetBranch: "main", PullRequest: &PullRequest{Number: 12}}
	tag := Event{Kind: EventTag, Tag: "v1"}
	group := Event{Kind: EventMergeGroup, Branch: "gh-readonly-queue/main/pr-1", TargetBranch: "main"}
	with := func(e Event, change func(*Event)) Event {
		change(&e)
		return e
	}
	events := func(kinds ...EventKind) Trigger { return Trigger{Events: kinds} }
	for _, c := range []struct {
		name     string
		trigger  Trigger
		event    Event
		code     string
		sentence string
	}{
		{"nothing narrows", Trigger{}, push, WhyMatched, "The branch main was pushed."},
		{"a pull request", Trigger{}, pull, WhyMatched, "Pull request #12 from topic has a new commit."},
		{"a merge queue", Trigger{}, group, WhyMatched, "The merge queue asks about gh-readonly-queue/main/pr-1."},
		{"the source branch counts", Trigger{Branches: []string{"main"}}, pull, WhyBranch, "Branch topic matches none of main."},
		{"the target branch", Trigger{TargetBranches: []string{"release/*", "beta"}}, pull, WhyTarget, "Target branch main matches none of release/*, beta."},
		{"a push has no target", Trigger{TargetBranches: []string{"release/*"}}, push, WhyMatched, ""},
		{"a merge group's target", Trigger{TargetBranches: []string{"beta"}}, group, WhyTarget, ""},
		{"not listened for", events(EventPullRequest), push, WhyEvent, "This pipeline listens for pull_request, not for push."},
		{"a tag nobody listed", Trigger{}, tag, WhyEvent, "This pipeline does not list tag among its events."},
		{"a tag that is listed", events(EventPush, EventTag), tag, WhyMatched, "The tag v1 was pushed."},
		{"branches do not narrow tags", Trigger{Events: []EventKind{EventTag}, Branches: []string{"main"}}, tag, WhyMatched, ""},
		{"tags narrow tags", Trigger{Events: []EventKind{EventTag}, Tags: []string{"v2*"}}, tag, WhyTag, "Tag v1 matches none of v2*."},
		{"a draft", Trigger{}, with(pull, func(e *Event) { e.Draft = true }), WhyDraft, "The pull request is a draft."},
		{"a skip mark", Trigger{}, with(push, func(e *Event) { e.Message = "x [CI skip]" }), WhySkipMark, "The commit message contains [CI skip]."},
		{"a path that matches", Trigger{Paths: []string{"*.dart"}}, with(push, func(e *Event) { e.Paths, e.PathsComplete = []string{"README.md", "lib/a.dart"}, true }), WhyMatched, ""},
		{"no path that matches", Trigger{Paths: []string{"*.dart"}}, with(push, func(e *Event) { e.Paths, e.PathsComplete = []string{"README.md"}, true }), WhyPath, "None of 1 changed files match *.dart."},
		{"an incomplete list proves nothing", Trigger{Paths: []string{"*.dart"}}, with(push, func(e *Event) { e.Paths = []string{"README.md"} }), WhyMatched, ""},
		{"already ignored", Trigger{}, with(push, func(e *Event) { e.Ignored = &Reason{Code: WhyPing, Text: "Hello."} }), WhyPing, "Hello."},
		{"no event at all", Trigger{}, Event{}, WhyEventUnknown, "This event starts no build."},
		{"the branch comes before the mark", Trigger{Branches: []string{"beta"}}, with(push, func(e *Event) { e.Message = "[skip ci]" }), WhyBranch, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := c.trigger.Match(c.event)
			if v.Code != c.code || v.Matched != (c.code == WhyMatched) || v.Reason == "" {
				t.Errorf("verdict %+v, want code %s", v, c.code)
			}
			if c.sentence != "" && v.Reason != c.sentence {
				t.Errorf("says %q, want %q", v.Reason, c.sentence)
			}
		})
	}
}

func TestSkipMark(t *testing.T) {
	for message, want := range map[string]string{
		"fix [skip ci]":         "[skip ci]",
		"[ci skip] fix":         "[ci skip]",
		"a\n\nbody [no ci]\n":   "[no ci]",
		"[Skip  CI]":            "[Skip  CI]",
		"[ skip ci ]":           "[ skip ci ]",
		"skip ci":               "",
		"[skip the ci]":         "",
		"[skipci]":              "",
		"":                      "",
		"docs: explain skip-ci": "",
	} {
		if got := SkipMark(message); got != want {
			t.Errorf("SkipMark(%q) = %q, want %q", message, got, want)
		}
	}
}
