package core

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func cacheKey(template string) CacheKey {
	k, wrong := parseCacheKey(template)
	if wrong != "" {
		panic(template + " " + wrong)
	}
	return k
}

// filled writes a key with "<patterns>" for a digest.
func filled(k CacheKey) string {
	key, _ := k.Fill(KeyValues{Platform: "linux/x64", HashFiles: func(patterns []string) (string, error) {
		return "<" + strings.Join(patterns, "|") + ">", nil
	}})
	return key
}

func TestKeysAreFilled(t *testing.T) {
	for _, c := range []struct{ template, want string }{
		{"pub", "pub"},
		{"{ not } a { value }", "{ not } a { value }"},
		{`pub-{{ hashFiles "pubspec.lock" }}`, "pub-<pubspec.lock>"},
		{`pub-{{hashFiles 'a' "b/**"}}-{{.OS}}-{{ .Arch }}`, "pub-<a|b/**>-linux-x64"},
		{`{{ hashFiles "a b" }}{{ hashFiles "{a,{b,c}}" }}`, "<a b><{a,{b,c}}>"},
	} {
		k, wrong := parseCacheKey(c.template)
		if got := filled(k); wrong != "" || got != c.want || k.String() != c.template {
			t.Errorf("%s: %q, %q", c.template, got, wrong)
		}
	}
	k := cacheKey(`{{ hashFiles "a" }}`)
	failed := errors.New("no disk")
	if _, err := k.Fill(KeyValues{HashFiles: func([]string) (string, error) { return "", failed }}); !errors.Is(err, failed) {
		t.Errorf("%v", err)
	}
}

func TestFaultsOfKeysAreNamed(t *testing.T) {
	for _, c := range []struct{ template, want string }{
		{"  ", "must not be empty"},
		{"a\x01", "must be one line of printable characters"},
		{strings.Repeat("x", 513), "must have at most 512 characters"},
		{"a}}", "has }} without {{ before it"},
		{"{{", "has {{ without }} after it"},
		{"{{ .OS", "has {{ without }} after it"},
		{"{{ .OS }", `has "}" in {{ }}: write {{ hashFiles "pubspec.lock" }}`},
		{"{{ }}", "has an empty {{ }}"},
		{`{{ "a" }}`, `has text in {{ }}, where a value is meant: write {{ hashFiles "pubspec.lock" }}`},
		{`{{ hashFiles "a }}`, "has a quote in {{ }} that does not end"},
		{"{{ hashFiles }}", `has hashFiles without a pattern: write {{ hashFiles "pubspec.lock" }}`},
		{"{{ hashFiles a }}", `has "a" without quotes in {{ }}: write {{ hashFiles "pubspec.lock" }}`},
		{"${{ hashFiles('a') }}", `has "(" in {{ }}: write {{ hashFiles "pubspec.lock" }}`},
		{"${{ runner.os }}", `has {{ runner.os }}, which is none of hashFiles "pattern", .OS and .Arch`},
		{"{{ .os }}", `has {{ .os }}, which is none of hashFiles "pattern", .OS and .Arch; did you mean ".OS"?`},
		{`{{ .OS "a" }}`, "gives .OS something, which takes nothing"},
		{`{{ hashFiles "" }}`, `has the pattern "", which must not be empty`},
		{`{{ hashFiles "../a" }}`, `has the pattern "../a", which must not contain "..", "." or empty parts`},
		{`{{ hashFiles "[a" }}`, `has the pattern "[a", which is no valid pattern; look for an unclosed [ or {`},
		{"{{ hashFiles" + strings.Repeat(` "a"`, 65) + "}}", "gives hashFiles more than 64 patterns"},
	} {
		if _, got := parseCacheKey(c.template); got != c.want {
			t.Errorf("%.60s\n got %s\nwant %s", c.template, got, c.want)
		}
	}
}

func TestPathsOfCachesAreKeptIn(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{".dart_tool", ""},
		{"packages/*/.dart_tool", ""},
		{"**/node_modules", ""},
		{"~/.pub-cache", ""},
		{"~/.gradle/caches/modules-2", ""},
		{"", "must not be empty"},
		{"/tmp/x", "must be relative to the repository, or begin with ~/"},
		{"a/../../b", `must not contain "..", "." or empty parts`},
		{"./a", `must not contain "..", "." or empty parts`},
		{"[a", "is no valid pattern; look for an unclosed [ or {"},
		{".git", "must not be the .git of the repository"},
		{".GIT/hooks", "must not be the .git of the repository"},
		{"$HOME/.gradle", "must not contain $: variables are not replaced here; a home is ~/"},
		{"~", "must begin with ~/ if it lies in a home"},
		{"~root/.cache", "must begin with ~/ if it lies in a home"},
		{"~/.pub-cache/../.ssh", `must not contain "..", "." or empty parts`},
		{"~/.cache/*", "must be no pattern: those are for paths in the repository"},
		{"~/.gradle", "lies in none"},
		{"~/.pub-cache-of-mine", "lies in none"},
		{"~/.ssh/id_rsa", "lies in none"},
	} {
		if got := checkCachePath(c.path); got != c.want && (c.want != "lies in none" || !strings.HasPrefix(got, c.want)) {
			t.Errorf("%s\n got %s\nwant %s", c.path, got, c.want)
		}
	}
}

func TestPatternsOfCachesAreAnchored(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"build", "build", true},
		{"build", "app/build", false},
		{"*/build", "app/build", true},
		{"*/build", "a/b/build", false},
		{"**/build", "build", true},
		{"**/build", "a/b/build", true},
		{"a[1]", "a[1]", true}, // a path that is written as it is
	} {
		if got := MatchCachePath(c.pattern, c.name); got != c.want {
			t.Errorf("%s against %s: %t", c.name, c.pattern, got)
		}
	}
}

// Whose entries a build finds, and whose it makes: the whole matrix.
func TestWhoFindsWhatInTheCache(t *testing.T) {
	pull := func(number int, branch string, fork bool) Build {
		return Build{Branch: branch, PullRequest: &PullRequest{Number: number, Fork: fork}}
	}
	builds := []struct {
		name  string
		build Build
		read  string // the scopes that it reads, of those below
		write string
	}{
		{"main", Build{Branch: "main"}, "main", "main"},
		{"no branch", Build{}, "main", "main"},
		{"feature", Build{Branch: "feature"}, "feature main", "feature"},
		{"other", Build{Branch: "other"}, "other main", "other"},
		{"tag", Build{Tag: "v1"}, "v1 main", "v1"},
		{"a tag named as a branch", Build{Tag: "main"}, "tag-main main", "tag-main"},
		{"pull 12 of feature", pull(12, "feature", false), "12 feature main", "12"},
		{"pull 13 of feature", pull(13, "feature", false), "13 feature main", "13"},
		{"pull 14 of main", pull(14, "main", false), "14 main", "14"},
		{"fork's pull 15 of feature", pull(15, "feature", true), "main", ""},
		{"fork's pull 16 of main", pull(16, "main", true), "main", ""},
		{"fork's pull 12 of pull 12's name", pull(12, "12", true), "main", ""},
	}
	scopes := map[string]string{"v1": "tag:v1", "tag-main": "tag:main", "12": "pull:12", "13": "pull:13", "14": "pull:14"}
	for _, branch := range []string{"main", "feature", "other"} {
		scopes[branch] = "branch:" + branch
	}
	for _, c := range builds {
		got := CacheScopeOf(c.build, "main")
		var read []string
		for name := range strings.FieldsSeq(c.read) {
			read = append(read, scopes[name])
		}
		if !slices.Equal(got.Read, read) || got.Write != scopes[c.write] {
			t.Errorf("%s: reads %q, writes %q", c.name, got.Read, got.Write)
		}
		if (got.Write == "") != (got.Why != "") {
			t.Errorf("%s: writes %q because %q", c.name, got.Write, got.Why)
		}
		if named := c.build.PullRequest == nil; named != (got.Ref != "") {
			t.Errorf("%s: proved by %q", c.name, got.Ref)
		}
		if got.Ref == "" {
			continue
		}
		if un := got.Unproven(); !slices.Equal(un.Read, []string{"branch:main"}) || un.Write != "" || un.Why == "" {
			t.Errorf("%s, unproven: %+v", c.name, un)
		}
	}
	// A project whose default branch nobody knows has nothing in common.
	for _, b := range []Build{{}, pull(1, "", true), pull(1, "", false), {Branch: "a"}, {Tag: "v1"}} {
		got := CacheScopeOf(b, "")
		if slices.Contains(got.Read, "branch:") || got.Unproven().Read != nil {
			t.Errorf("%+v: %+v", b, got)
		}
	}
}

func TestTheCacheComesIntoThePlan(t *testing.T) {
	w, err := ParseWorkflow([]byte("version: 1\ncommands: {build: [make]}\ncache:\n  - key: \"a-{{ hashFiles 'x' }}\"\n    restore_keys: [a-, '{{ .OS }}-']\n    paths: [build, ~/.npm]\n"))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := ResolveConfig(Pipeline{}, w)
	if err != nil || len(plan.Cache) != 1 {
		t.Fatalf("%+v, %v", plan.Cache, err)
	}
	c := plan.Cache[0]
	got := fmt.Sprint(filled(c.Key), filled(c.RestoreKeys[0]), filled(c.RestoreKeys[1]), c.Paths)
	if want := "a-<x>a-linux-[build ~/.npm]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Whatever comes in: a fault in words, or a template that can be filled and says
// nothing but its own text, the patterns and the platform.
func FuzzParseCacheKey(f *testing.F) {
	for _, s := range []string{
		`pub-{{ hashFiles "pubspec.lock" }}`, `{{hashFiles 'a' "b"}}{{.OS}}{{ .Arch }}`, "{{", "}}", "{{{{ .OS }}}}", `{{ hashFiles "}}" }}`, `{{ hashFiles "a`, "\xff{{",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, wrong := parseCacheKey(s)
		if wrong != "" {
			return
		}
		again, wrong := parseCacheKey(k.String())
		if wrong != "" || !reflect.DeepEqual(k, again) || k.String() != s {
			t.Errorf("%q is read as %+v, then as %+v: %s", s, k, again, wrong)
		}
		seen := 0
		key, err := k.Fill(KeyValues{Platform: "os/arch", HashFiles: func(patterns []string) (string, error) {
			seen++
			for _, p := range patterns {
				if wrong := checkPathPattern(p); wrong != "" || !strings.Contains(s, p) {
					t.Errorf("%q gives the pattern %q, which %s", s, p, wrong)
				}
			}
			return "digest", nil
		}})
		if err != nil || key == "" {
			t.Errorf("%q is filled as %q, %v", s, key, err)
		}
		if values := strings.Count(s, "{{"); values == 0 && key != s || seen > values {
			t.Errorf("%q is filled as %q", s, key)
		}
	})
}

func TestTheSchemaKnowsTheFoldersOfAHome(t *testing.T) {
	s := compiledSchema(t)
	for _, home := range CacheHomes() {
		for _, path := range []string{"~/" + home, "~/" + home + "/x", "~/" + home + "x", "~/x/" + home} {
			text := fmt.Sprintf(`{"version": 1, "cache": [{"key": "k", "paths": [%q]}]}`, path)
			value, _ := yamlValue([]byte(text))
			judged(t, s, text, value)
		}
	}
}
