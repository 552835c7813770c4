package slack_test

import (
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/slack"
)

var (
	_ core.Messenger = (*slack.Room)(nil)
	_ core.Decoder   = slack.Decoder{}
)

func TestWithoutASigningSecretThereIsNoRoom(t *testing.T) {
	_, err := slack.New(slack.Options{BotToken: "xoxb-1"})
	if core.KindOf(err) != core.KindInvalid || !strings.Contains(err.Error(), "OORE_SLACK_SIGNING_SECRET") {
		t.Errorf("got %v", err)
	}
}

func TestAnAPIThatIsNoAddressIsRefused(t *testing.T) {
	for _, bad := range []string{"slack.com", "ftp://slack.com/api/", "https://", "https://slack.com/api/?x=1", "://"} {
		if _, err := slack.New(slack.Options{SigningSecret: "s", APIURL: bad}); core.KindOf(err) != core.KindInvalid {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}
