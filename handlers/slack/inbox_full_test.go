package slack_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

// Slack shows the person nothing of an answer that is not 200.
func TestACommandIsToldThatTheDiskHasNoRoom(t *testing.T) {
	h := open(t, &inbox{err: core.NoRoom("the database", 1e6, 1e12)}, nil)
	for what, text := range map[string]string{"build app": "The disk that holds the database has 1.0 MB free", "help": "/oore build"} {
		reply := h.send(t, h.commands, h.Command(what))
		if reply.Status != http.StatusOK || !reply.Ephemeral() || !strings.Contains(reply.Text(), text) {
			t.Errorf("%s: %d %s", what, reply.Status, reply.Body)
		}
	}
}
