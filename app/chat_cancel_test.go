package app_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func (h *house) statuses(t *testing.T) string {
	t.Helper()
	var all []string
	for _, b := range h.builds(t) {
		all = append(all, fmt.Sprintf("%d %s", b.Number, b.Status))
	}
	return strings.Join(all, ", ")
}

func TestCancelStopsEveryBuildOfThePullRequest(t *testing.T) {
	for _, body := range []string{"/oore cancel all", "/oore cancel", "/oore cancel android"} {
		h := chatHouse(t, false)
		old := pullRequest(5, "dev", shaA)
		old.PullRequest.Number = 5
		h.deliver(t, old)
		h.deliver(t, h.forge.talk.pull)            // its head moved on
		h.say(t, "wes", "/oore build fresh=true")  // the same again
		h.say(t, "wes", "/oore build branch=main") // another branch's
		d := h.say(t, "wes", body)
		if got := h.statuses(t); got != "1 canceled, 2 canceled, 3 canceled, 4 queued" || d.Status != core.DeliveryProcessed {
			t.Errorf("%s: %s, %+v", body, got, d.Reason)
		}
		if d := h.say(t, "wes", body); d.Reason.Code != core.WhyNothingToCancel {
			t.Errorf("%s again: %+v", body, d.Reason)
		}
	}
}

func TestCancelOfOnePipelineLeavesTheOthersAlone(t *testing.T) {
	h := chatHouse(t, false)
	h.say(t, "wes", "/oore build all")
	h.say(t, "wes", "/oore build android fresh=true")
	h.say(t, "wes", "/oore cancel pipeline=android")
	if got := h.statuses(t); got != "1 canceled, 2 queued, 3 canceled" {
		t.Error(got)
	}
	h.say(t, "wes", "/oore cancel ios*")
	if got := h.statuses(t); got != "1 canceled, 2 canceled, 3 canceled" {
		t.Error(got)
	}
}

// The author of a pull request ends its builds, not those that stand at its commit for
// another reason.
func TestCancelSaysWhatItMayNotStop(t *testing.T) {
	h := chatHouse(t, false)
	h.say(t, "wes", "/oore build ios-release branch=dev")
	h.say(t, "wes", "/oore build android")
	d := h.say(t, "ana", "/oore cancel all")
	if got := h.statuses(t); got != "1 queued, 2 canceled" || d.Status != core.DeliveryProcessed ||
		!strings.Contains(d.Reply, "Build #2 of Android is canceled.") || !strings.Contains(d.Reply, "Build #1 of iOS release is not stopped: ") {
		t.Errorf("%s, %+v, %q", got, d.Reason, d.Reply)
	}
}

func TestARevokeThatStopsBuildsIsNoRefusal(t *testing.T) {
	h := chatHouse(t, true)
	projects, _, err := h.ListProjects(t.Context(), h.owner, core.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	forks := core.ForksBuild
	if _, err := h.UpdateProject(t.Context(), h.owner, projects[0].ID, app.UpdateProject{Forks: &forks}); err != nil {
		t.Fatal(err)
	}
	h.say(t, "wes", "/oore build")
	d := h.say(t, "wes", "/oore revoke")
	if got := h.statuses(t); d.Status != core.DeliveryProcessed || !strings.Contains(d.Reason.Text, "Done: revoke") || got != "1 canceled" {
		t.Errorf("%s %+v, %s", d.Status, d.Reason, got)
	}
	if d := h.say(t, "wes", "/oore revoke"); d.Status != core.DeliveryIgnored || d.Reason.Code != "nothing_to_revoke" {
		t.Errorf("again: %s %+v", d.Status, d.Reason)
	}
}

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
