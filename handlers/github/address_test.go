package github

import (
	"net/url"
	"testing"
)

func TestAddressesOfHosts(t *testing.T) {
	for web, want := range map[string][2]string{
		"https://github.com/":         {"https://api.github.com/", "github.com"},
		"https://GitHub.com/":         {"https://api.GitHub.com/", "github.com"},
		"https://acme.ghe.com/":       {"https://api.acme.ghe.com/", "acme.ghe.com"},
		"https://git.acme.dev/":       {"https://git.acme.dev/api/v3/", "git.acme.dev"},
		"https://git.acme.dev:8443/":  {"https://git.acme.dev:8443/api/v3/", "git.acme.dev:8443"},
		"https://acme.dev/github/":    {"https://acme.dev/github/api/v3/", "acme.dev/github"},
		"https://notgithub.com/":      {"https://notgithub.com/api/v3/", "notgithub.com"},
		"https://github.com.evil.io/": {"https://github.com.evil.io/api/v3/", "github.com.evil.io"},
		"https://ghe.com/":            {"https://ghe.com/api/v3/", "ghe.com"},
	} {
		u, err := address("web", web)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]string{apiOf(u).String(), hostOf(u.String())}; got != want {
			t.Errorf("%s: %v", web, got)
		}
	}
}

func TestWhatGitHubCanReach(t *testing.T) {
	for public, want := range map[string][2]bool{ // from the cloud, from an Enterprise Server
		"https://ci.acme.dev/":          {true, true},
		"https://ci.acme.dev./":         {true, true},
		"https://203.0.113.7:8787/":     {true, true},
		"http://[2001:db8::1]/":         {true, true},
		"http://127.0.0.1:8787/":        {false, false},
		"http://[::1]:8787/":            {false, false},
		"http://[::ffff:127.0.0.1]/":    {false, false},
		"http://0.0.0.0:8787/":          {false, false},
		"http://localhost:8787/":        {false, false},
		"http://LOCALHOST./":            {false, false},
		"http://ci.localhost/":          {false, false},
		"http://10.1.2.3/":              {false, true},
		"http://192.168.1.5:8787/":      {false, true},
		"http://172.16.0.1/":            {false, true},
		"http://169.254.1.1/":           {false, true},
		"http://[fd00::1]/":             {false, true},
		"http://buildbox:8787/":         {false, true},
		"http://buildbox.local/":        {false, true},
		"https://ci.corp.internal/":     {false, true},
		"https://local.acme.dev/":       {true, true},
		"https://localhost.acme.dev:1/": {true, true},
	} {
		u, err := url.Parse(public)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]bool{withinReach(u.Hostname(), true), withinReach(u.Hostname(), false)}; got != want {
			t.Errorf("%s: %v", public, got)
		}
	}
}
