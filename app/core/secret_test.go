package core

import (
	"fmt"
	"strings"
	"testing"
)

func TestSecretsThatAreRefused(t *testing.T) {
	for _, name := range []string{"TOKEN", "_X", "A1", "GITHUB_TOKEN", strings.Repeat("A", 128)} {
		if err := (Secret{Name: name, Branches: []string{"main", "!release/*"}}).Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]string{
		"": "name is", "token": "capital letters", "1A": "capital letters", "A-B": "capital letters", "A B": "capital letters", "Ä": "capital letters",
		strings.Repeat("A", 129): "at most 128", "PATH": "may not set", "OORE_X": "may not set", "LD_PRELOAD": "may not set", "CI": "may not set", "GIT_SSH_COMMAND": "may not set",
	} {
		err := (Secret{Name: name}).Validate()
		if KindOf(err) != KindInvalid || !strings.HasPrefix(err.Error(), "name is") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := (Secret{Name: "A", Branches: []string{"main", "!"}}).Validate(); err == nil || !strings.HasPrefix(err.Error(), "branches[1] ") {
		t.Errorf("a branch without a name: %v", err)
	}
}

func TestValuesThatAreRefused(t *testing.T) {
	for _, value := range []string{"1234", "pä𝄞s", " 1234\n", strings.Repeat("x", MaxSecretBytes)} {
		if err := (Secret{}).ValidateValue(value); err != nil {
			t.Errorf("%.20q: %v", value, err)
		}
	}
	for _, value := range []string{"", "123", "   123 \n", "12\x00345", strings.Repeat("x", MaxSecretBytes+1)} {
		err := (Secret{}).ValidateValue(value)
		if KindOf(err) != KindInvalid || !strings.HasPrefix(err.Error(), "value must ") || len(err.Error()) > 120 {
			t.Errorf("%.20q: %v", value, err)
		}
	}
	if err := (Secret{File: true}).ValidateValue("12\x00345"); err != nil {
		t.Errorf("a file with any bytes: %v", err)
	}
}

func TestWhoGetsASecret(t *testing.T) {
	fork, own := &PullRequest{Number: 4, Fork: true}, &PullRequest{Number: 5}
	for _, c := range []struct {
		name     string
		branches []string
		build    Build
		want     string // part of why not; empty: it gets it
	}{
		{"no list", nil, Build{Branch: "x"}, ""},
		{"no list, a tag", nil, Build{Tag: "v1"}, ""},
		{"its own pull request", nil, Build{Branch: "x", PullRequest: own}, ""},
		{"a fork's", nil, Build{Branch: "main", PullRequest: fork}, "pull request #4 comes from a fork"},
		{"a fork's with the right branch", []string{"main"}, Build{Branch: "main", PullRequest: fork}, "comes from a fork"},
		{"in the list", []string{"main", "release/*"}, Build{Branch: "release/2"}, ""},
		{"not in the list", []string{"main", "release/*"}, Build{Branch: "dev"}, "only for the branches main, release/*, not for dev"},
		{"taken away", []string{"!dev"}, Build{Branch: "dev"}, "not for dev"},
		{"a tag of that name", []string{"main"}, Build{Branch: "main", Tag: "main"}, "only for the branches main"},
		{"no branch", []string{"*"}, Build{}, "only for the branches *"},
	} {
		err := (Secret{Name: "TOKEN", Branches: c.branches}).GivenTo(c.build)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (CodeOf(err) != ReasonSecretRefused || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "TOKEN")):
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestASecretIsNotPrinted(t *testing.T) {
	v := SecretValue{Name: "TOKEN", Value: "s3cr3t"}
	if got := fmt.Sprintf("%v %+v %#v %s", v, []SecretValue{v}, v, &v); strings.Contains(got, "s3cr3t") {
		t.Errorf("printed as %s", got)
	}
}
