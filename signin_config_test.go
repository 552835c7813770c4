package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestWaysInAreRefusedWhenTheyAreSetUpByHalf(t *testing.T) {
	proxy := []string{"OORE_PROXY_HEADER=X-Forwarded-Email", "OORE_PROXY_NETWORKS=10.1.2.3", "OORE_PROXY_SECRET=" + longToken}
	provider := []string{"OORE_OIDC_ISSUER=https://id.example.com", "OORE_OIDC_CLIENT_ID=oore", "OORE_OIDC_CLIENT_SECRET=s"}
	for _, c := range []struct {
		name    string
		environ []string
		faults  []string // the variables
	}{
		{"a whole provider", provider, nil},
		{"a provider without its secret", provider[:2], []string{"OORE_OIDC_CLIENT_SECRET"}},
		{"a provider by HTTP", append([]string{"OORE_OIDC_ISSUER=http://id.example.com"}, provider[1:]...), []string{"OORE_OIDC_ISSUER"}},
		{"a provider on this machine", append([]string{"OORE_OIDC_ISSUER=http://127.0.0.1:9000"}, provider[1:]...), nil},
		{"GitHub by half", []string{"OORE_GITHUB_OAUTH_CLIENT_ID=x"}, []string{"OORE_GITHUB_OAUTH_CLIENT_SECRET"}},
		{"organizations for nothing", []string{"OORE_GITHUB_ORGANIZATIONS=acme"}, []string{"OORE_GITHUB_OAUTH_CLIENT_ID"}},
		{"no name of an organization", []string{"OORE_GITHUB_ORGANIZATIONS=acme,../user"}, []string{"OORE_GITHUB_ORGANIZATIONS"}},
		{"groups for nothing", []string{"OORE_GITLAB_GROUPS=acme/mobile"}, []string{"OORE_GITLAB_OAUTH_CLIENT_ID"}},
		{"GitLab by HTTP", []string{"OORE_GITLAB_URL=http://git.example.com", "OORE_GITLAB_OAUTH_CLIENT_ID=x", "OORE_GITLAB_OAUTH_CLIENT_SECRET=y"}, []string{"OORE_GITLAB_URL"}},
		{"no domain", []string{"OORE_SIGN_IN_DOMAINS=example.com,@example.org"}, []string{"OORE_SIGN_IN_DOMAINS"}},
		{"every domain", []string{"OORE_SIGN_IN_DOMAINS=*"}, []string{"OORE_SIGN_IN_DOMAINS"}},
		{"neither on nor off", []string{"OORE_PASSWORDS=no"}, []string{"OORE_PASSWORDS"}},
		{"a whole proxy", proxy, nil},
		{"a proxy without a secret", proxy[:2], []string{"OORE_PROXY_SECRET"}},
		{"a proxy that is everywhere", []string{proxy[0], proxy[2]}, []string{"OORE_PROXY_NETWORKS"}},
		{"a proxy that is everybody", []string{proxy[0], proxy[2], "OORE_PROXY_NETWORKS=10.1.2.3,0.0.0.0/0"}, []string{"OORE_PROXY_NETWORKS"}},
		{"a proxy without a header", proxy[1:], []string{"OORE_PROXY_HEADER"}},
		{"no header", append([]string{"OORE_PROXY_HEADER=X Email"}, proxy[1:]...), []string{"OORE_PROXY_HEADER"}},
		{"a short secret", append([]string{"OORE_PROXY_SECRET=short"}, proxy[:2]...), []string{"OORE_PROXY_SECRET"}},
	} {
		_, err := load(c.environ)
		var named []string
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				name, _, _ := strings.Cut(line, ": ")
				named = append(named, name)
			}
		}
		if !slices.Equal(named, c.faults) {
			t.Errorf("%s: %v, want faults of %v", c.name, err, c.faults)
		}
	}
	c, err := load([]string{"OORE_SIGN_IN_DOMAINS=Example.com, example.org", "OORE_GITHUB_ORGANIZATIONS=acme , beta", "OORE_GITHUB_OAUTH_CLIENT_ID=x", "OORE_GITHUB_OAUTH_CLIENT_SECRET=y"})
	if got := fmt.Sprint(c.SignIn.Domains, c.SignIn.GitHubOrganizations); err != nil || got != "[example.com example.org] [acme beta]" {
		t.Errorf("%s, %v", got, err)
	}
}
