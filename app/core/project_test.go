package core

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

func TestSlug(t *testing.T) {
	for name, want := range map[string]string{
		"Shop":                    "shop",
		"Shop App (iOS)":          "shop-app-ios",
		"  --Hello__World--  ":    "hello-world",
		"Größe":                   "gr-e",
		"日本":                      "xcf2abf0c",
		"!!!":                     "xe84c538e",
		strings.Repeat("a", 61):   strings.Repeat("a", 60),
		strings.Repeat("ab-", 30): strings.TrimRight(strings.Repeat("ab-", 20), "-"),
	} {
		if got := Slug(name); got != want {
			t.Errorf("Slug(%q) = %q, want %q", name, got, want)
		}
	}
}

func FuzzSlug(f *testing.F) {
	shape := regexp.MustCompile(`\A[a-z0-9]+(?:-[a-z0-9]+)*\z`)
	f.Add("Shop App")
	f.Fuzz(func(t *testing.T, name string) {
		if s := Slug(name); !shape.MatchString(s) || len(s) > 60 || Slug(s) != s {
			t.Errorf("Slug(%q) = %q", name, s)
		}
	})
}

func TestBuildsUseTheProjectsBranchThenTheRepositorys(t *testing.T) {
	p := Project{Repository: Repository{DefaultBranch: "master"}}
	if p.Branch() != "master" {
		t.Errorf("branch %q", p.Branch())
	}
	p.DefaultBranch = "develop"
	if p.Branch() != "develop" {
		t.Errorf("branch %q", p.Branch())
	}
}

func TestCommandsAreTextOrNamedInJSON(t *testing.T) {
	const in = `["make",{"name":"Size","run":"ls"}]`
	var commands []Command
	if err := json.Unmarshal([]byte(in), &commands); err != nil {
		t.Fatal(err)
	}
	if commands[0] != (Command{Run: "make"}) || commands[1] != (Command{Name: "Size", Run: "ls"}) {
		t.Errorf("read %+v", commands)
	}
	if out, err := json.Marshal(commands); err != nil || string(out) != in {
		t.Errorf("wrote %s, %v", out, err)
	}
	for _, wrong := range []string{`[{"run":"ls","shell":"zsh"}]`, `[3]`, `[["ls"]]`} {
		if err := json.Unmarshal([]byte(wrong), &commands); err == nil {
			t.Errorf("%s was taken", wrong)
		}
	}
}

func TestAnExplicitPathIsTheOnlyOne(t *testing.T) {
	if got := (Pipeline{ConfigPath: "ci/a.yaml", ConfigPathExplicit: true}).ConfigPaths(); len(got) != 1 || got[0] != "ci/a.yaml" {
		t.Errorf("paths %v", got)
	}
	if got := (Pipeline{ConfigPath: ".oore.yaml"}).ConfigPaths(); len(got) != 2 || got[0] != ".oore.yaml" || got[1] != ".oore.yml" {
		t.Errorf("paths %v", got)
	}
}
