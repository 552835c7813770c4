package core

import (
	"strings"
	"testing"
)

func TestTargetsAreReadByTheirKind(t *testing.T) {
	for _, c := range []struct {
		kind          NotificationKind
		raw           string
		shown, secret string
		wrong         string // part of the message; empty: it is taken
	}{
		{NotifySlack, " C0123ABCD ", "C0123ABCD", "", ""},
		{NotifySlack, "#builds", "", "", "target must be the id of a channel"},
		{NotifySlack, "U0123ABCD", "", "", "target must be the id of a channel"},
		{NotifyEmail, "ann@example.com", "ann@example.com", "", ""},
		{NotifyEmail, "ann@example.com,bob@example.com;\n ann@example.com", "ann@example.com, bob@example.com", "", ""},
		{NotifyEmail, "Ann <ann@example.com>", "", "", `target has "Ann <ann@example.com>", which is no e-mail address`},
		{NotifyEmail, "ann@example.com\r\nBcc: eve@example.com", "", "", "which is no e-mail address"},
		{NotifyEmail, `"ann b"@example.com`, "", "", "no e-mail address"},
		{NotifyEmail, "ann@[127.0.0.1]", "", "", "no e-mail address"},
		{NotifyEmail, " , ", "", "", "target must have an e-mail address"},
		{NotifyEmail, strings.Repeat("a", 3) + "@example.com" + many(20), "", "", "target must have at most 20 entries"},
		{NotifyMattermost, "https://chat.example.com:8065/hooks/s3cret", "chat.example.com:8065", "https://chat.example.com:8065/hooks/s3cret", ""},
		{NotifyMattermost, "chat.example.com/hooks/s3cret", "", "", "target must be an address"},
		{NotifyWebhook, "http://ci.example.com/hook?a=b", "http://ci.example.com/hook?a=b", "", ""},
		{NotifyWebhook, "https://ann:secret@example.com/", "", "", "target must not contain a user or password"},
		{NotifyWebhook, "ftp://example.com/", "", "", "target must be an address"},
		{NotifyWebhook, "https:///hook", "", "", "target must be an address"},
		{NotifyWebhook, "https://example.com/#part", "", "", "target must be an address"},
		{NotifyWebhook, "file:///etc/passwd", "", "", "target must be an address"},
		{NotifyWebhook, "", "", "", "target must not be empty"},
		{NotifyWebhook, "https://example.com/" + strings.Repeat("a", 2048), "", "", "target must have at most 2048 characters"},
		{"pager", "x", "", "", "kind is"},
	} {
		shown, secret, err := c.kind.ParseTarget(c.raw)
		if c.wrong == "" {
			if err != nil || shown != c.shown || secret != c.secret {
				t.Errorf("%s %q: %q, %q, %v", c.kind, c.raw, shown, secret, err)
			}
			continue
		}
		if KindOf(err) != KindInvalid || !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s %q: %v, want %q", c.kind, c.raw, err, c.wrong)
		}
	}
}

func many(n int) string {
	var all strings.Builder
	for i := range n {
		all.WriteString("," + strings.Repeat("b", i+1) + "@example.com")
	}
	return all.String()
}

func TestNotificationCoversItsPipelineAndBranches(t *testing.T) {
	main := Build{PipelineID: "p", Branch: "main"}
	tag := Build{PipelineID: "p", Tag: "v1"}
	fork, pull := main, main
	fork.PullRequest, pull.PullRequest = &PullRequest{Number: 1, Fork: true}, &PullRequest{Number: 2}
	for _, c := range []struct {
		name string
		n    Notification
		b    Build
		want bool
	}{
		{"everything", Notification{}, main, true},
		{"everything, a tag", Notification{}, tag, true},
		{"everything, a fork", Notification{}, fork, true},
		{"its pipeline", Notification{PipelineID: "p"}, main, true},
		{"another pipeline", Notification{PipelineID: "q"}, main, false},
		{"its branch", Notification{Branches: []string{"main"}}, main, true},
		{"its branch in a pull request", Notification{Branches: []string{"main"}}, pull, true},
		{"another branch", Notification{Branches: []string{"release/*"}}, main, false},
		{"a branch taken away", Notification{Branches: []string{"!main"}}, main, false},
		{"any branch, a tag", Notification{Branches: []string{"*"}}, tag, false},
		{"a fork's branch of that name", Notification{Branches: []string{"main"}}, fork, false},
	} {
		if got := c.n.Covers(c.b); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestNotificationsAreValidated(t *testing.T) {
	good := Notification{Kind: NotifyWebhook, On: OnAll, Branches: []string{"main", "!old/*"}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		wrong  string
		change func(*Notification)
	}{
		{"kind", func(n *Notification) { n.Kind = "fax" }},
		{"on", func(n *Notification) { n.On = "" }},
		{"branches[0]", func(n *Notification) { n.Branches = []string{"!"} }},
		{"branches", func(n *Notification) { n.Branches = make([]string, 65) }},
	} {
		bad := good
		c.change(&bad)
		if err := bad.Validate(); KindOf(err) != KindInvalid || !strings.HasPrefix(err.Error(), c.wrong+" ") {
			t.Errorf("%s: %v", c.wrong, err)
		}
	}
	for secret, ok := range map[string]bool{"0123456789abcdef": true, "short": false, "0123456789abcdef\n": false} {
		if err := ValidSigningSecret(secret); (err == nil) != ok {
			t.Errorf("secret %q: %v", secret, err)
		}
	}
}
