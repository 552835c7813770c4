package app_test

import (
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestWhoAskedForABuildIsNotKnownByName(t *testing.T) {
	h := chatHouse(t, false)
	h.say(t, "wes", "/oore build android branch=main")
	h.forge.talk.permissions["wes"] = core.PermissionRead
	other := comment("other", "wes", "/oore cancel 1") // somebody has taken the name over
	other.Chat.AuthorID, other.Chat.OpenerID = "2", "2"
	if d := h.deliver(t, other); d.Status != core.DeliveryIgnored || h.builds(t)[0].Status != core.BuildQueued {
		t.Errorf("another person: %s %+v", d.Status, d.Reason)
	}
	same := comment("same", "wes-renamed", "/oore cancel 1")
	same.Chat.AuthorID, same.Chat.OpenerID = personID("wes"), personID("wes")
	if d := h.deliver(t, same); d.Status != core.DeliveryProcessed || h.builds(t)[0].Status != core.BuildCanceled {
		t.Errorf("the same person: %s %+v", d.Status, d.Reason)
	}
	if b := h.builds(t)[0]; b.TriggerUser != "forge:github::"+personID("wes") {
		t.Errorf("asked by %q", b.TriggerUser)
	}
}
