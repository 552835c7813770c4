package app_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// tries processes a delivery until it is decided, passing over the pauses.
func (h *house) tries(t *testing.T, id string) core.Delivery {
	t.Helper()
	for range 10 {
		var d core.Delivery
		h.work(t, func() (looked bool) {
			var err error
			if d, err = h.store.FindDelivery(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			return d.Status != core.DeliveryReceived || d.NotBefore.After(h.clock.now())
		})
		if d.Status != core.DeliveryReceived {
			return d
		}
		h.clock.forward(10 * time.Minute)
	}
	t.Fatal("it was never decided")
	return core.Delivery{}
}

// fails ends the next build with a failure.
func (h *house) fails(t *testing.T) core.Build {
	t.Helper()
	job := h.running(t)
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildFailed, Reason: core.ReasonCommandFailed}); err != nil {
		t.Fatal(err)
	}
	return h.find(t, job.Build.ID)
}

func TestARepeatedTryGoesOnWhereTheFirstStopped(t *testing.T) {
	h := chatHouse(t, false)
	h.say(t, "wes", "/oore build")
	h.forge.mu.Lock()
	h.forge.down = 1
	h.forge.mu.Unlock()
	d := h.tries(t, h.deliverRawLater(t, comment("again", "wes", "/oore cancel\n/oore build android branch=main")))
	builds := h.builds(t)
	if len(builds) != 2 || builds[0].Status != core.BuildCanceled || builds[1].Branch != "main" {
		t.Fatalf("builds %+v", builds)
	}
	if d.Status != core.DeliveryProcessed || d.Attempts != 2 || d.Reply != "" || d.Reason.Text != "Done: cancel. Done: build android branch=main." {
		t.Errorf("%s after %d tries, %+v, reply %q", d.Status, d.Attempts, d.Reason, d.Reply)
	}
}

func TestACommentThatArrivesTwiceIsAnsweredAsTheFirstTime(t *testing.T) {
	h := chatHouse(t, false)
	h.say(t, "wes", "/oore build")
	h.fails(t)
	twice := comment("same", "wes", "/oore retry 1\n/oore status\n/oore biuld\n/oore ping")
	first := h.deliver(t, twice)
	h.fails(t) // nothing keeps the line from being run again but that it was
	second := h.deliver(t, twice)
	if _, err := h.RedeliverDelivery(t.Context(), h.owner, first.ID); err != nil {
		t.Fatal(err)
	}
	again := h.decided(t, first.ID)
	for what, d := range map[string]core.Delivery{"the second webhook": second, "redelivered": again} {
		if d.Status != first.Status || d.Reason != first.Reason || d.Reply != first.Reply || d.SHA != first.SHA || len(d.Verdicts) != 1 {
			t.Errorf("%s: %s %+v %q, not %s %+v %q", what, d.Status, d.Reason, d.Reply, first.Status, first.Reason, first.Reply)
		}
	}
	if !strings.Contains(first.Reply, "Unknown command") || !strings.Contains(first.Reply, "1 of 4 commands were not run") || len(h.builds(t)) != 2 {
		t.Errorf("%q, %d builds", first.Reply, len(h.builds(t)))
	}
	h.work(t, func() bool { h.forge.mu.Lock(); defer h.forge.mu.Unlock(); return len(h.forge.talk.replies) > 0 })
	if h.forge.talk.replies["same"] != first.Reply {
		t.Errorf("replies %q", h.forge.talk.replies)
	}
}

func TestWhatWasRefusedIsNotTriedByASecondWebhook(t *testing.T) {
	h := chatHouse(t, true)
	twice := comment("same", "wes", "/oore build android")
	first := h.deliver(t, twice)
	h.say(t, "wes", "/oore approve "+shaB)
	if d := h.deliver(t, twice); d.Reply != first.Reply || d.Reason.Code != "needs_approval" || len(h.builds(t)) != 1 {
		t.Errorf("%+v, %q", d.Reason, d.Reply)
	}
}

func TestLinesThatAnEditAddsAreNotRun(t *testing.T) {
	h := chatHouse(t, false)
	h.deliver(t, comment("note", "wes", "/oore build android"))
	d := h.deliver(t, comment("note", "wes", "/oore ping\n/oore build all branch=main")) // GitLab before 16.11 calls it new
	if d.Status != core.DeliveryProcessed || len(h.builds(t)) != 1 {
		t.Errorf("%+v, %d builds", d.Reason, len(h.builds(t)))
	}
}

func TestACommentAndAReviewOfOneNumberAreTwoCommands(t *testing.T) {
	h := chatHouse(t, false)
	for _, event := range []string{"issue_comment", "pull_request_review"} {
		payload, err := json.Marshal(comment("77", "wes", "/oore build android fresh=true"))
		if err != nil {
			t.Fatal(err)
		}
		id, _, err := h.ReceiveDelivery(t.Context(), app.ReceiveDelivery{Provider: core.ProviderGitHub, DeliveryID: uuid.NewString(), Event: event, Payload: payload})
		if err != nil {
			t.Fatal(err)
		}
		h.decided(t, id)
	}
	if n := len(h.builds(t)); n != 2 {
		t.Errorf("%d builds", n)
	}
}

func TestTwoServersRunALineOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database string) {
		h := chatHouseOn(t, database, false)
		other, err := app.New(app.Deps{
			Store: testTime{h.store, h.clock}, Blobs: newBlobs(t), Archive: newArchive(t, newBlobs(t)), Forges: map[core.Provider]core.Forge{core.ProviderGitHub: h.forge},
			Decoders: map[core.Provider]core.Decoder{core.ProviderGitHub: jsonDecoder{}},
			Clock:    h.clock.now, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler), PublicURL: "https://ci.example.com", LogLimit: 1 << 20,
		})
		if err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup // both servers have seen that the line was not run yet
		both.Add(2)
		calls := atomic.Int32{}
		h.forge.meet = func() {
			if calls.Add(1) <= 2 {
				both.Done()
				both.Wait()
			}
		}
		id := h.deliverRawLater(t, comment("both", "wes", "/oore build android branch=main fresh=true\n/oore ping"))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { // it was halted, and does not know yet that another keeps the house
			defer close(ended)
			other.HouseWork(ctx)
		}()
		d := h.tries(t, id)
		stop()
		<-ended
		if d.Status != core.DeliveryProcessed || len(h.builds(t)) != 1 {
			t.Errorf("%+v, %d builds", d.Reason, len(h.builds(t)))
		}
	})
}

func TestARetryThatIsAskedForTwiceIsOneBuild(t *testing.T) {
	h := chatHouse(t, false)
	h.say(t, "wes", "/oore build")
	h.fails(t)
	h.say(t, "wes", "/oore retry 1")
	for _, body := range []string{"/oore retry 1", "/oore retry", "/oore retry android"} {
		d := h.say(t, "wes", body)
		if d.Status != core.DeliveryProcessed || !strings.Contains(d.Reply, "Build #2 of Android already runs: https://ci.example.com/builds/") {
			t.Errorf("%s: %+v, %q", body, d.Reason, d.Reply)
		}
		h.clock.forward(chatPause)
	}
	if n := len(h.builds(t)); n != 2 {
		t.Fatalf("%d builds", n)
	}
	h.say(t, "wes", "/oore retry 1 fresh=true")
	h.fails(t)
	h.fails(t)
	h.clock.forward(chatPause)
	h.say(t, "wes", "/oore retry 1") // neither runs any more
	if n := len(h.builds(t)); n != 4 {
		t.Errorf("%d builds", n)
	}
}

func TestWhatWasStartedInPartIsNoRefusal(t *testing.T) {
	h := chatHouse(t, false)
	d := h.say(t, "wes", "/oore build all")
	if len(h.builds(t)) != 2 || d.Reply != "" {
		t.Fatalf("%d builds, %q", len(h.builds(t)), d.Reply)
	}
	off := h.builds(t)[1]
	h.fails(t)
	h.fails(t)
	no := false
	if _, err := h.UpdatePipeline(t.Context(), h.owner, off.PipelineID, app.PipelineInput{Enabled: &no}); err != nil {
		t.Fatal(err)
	}
	d = h.say(t, "wes", "/oore retry failed")
	if d.Status != core.DeliveryProcessed || len(h.builds(t)) != 3 || !strings.Contains(d.Reply, "Build #3 of Android is queued") ||
		!strings.Contains(d.Reply, "Build #2 of iOS release is not run again: The pipeline \"iOS release\" is disabled") {
		t.Errorf("a disabled pipeline: %s %+v, %q, %d builds", d.Status, d.Reason, d.Reply, len(h.builds(t)))
	}
	if d := h.say(t, "wes", "/oore build ios-release"); d.Reason.Code != core.CodePipelineDisabled || d.Status != core.DeliveryIgnored {
		t.Errorf("it alone: %s %+v", d.Status, d.Reason)
	}

	h.clock.forward(chatPause)
	strict := h.project(t, func(in *app.CreateProject) { in.Name, in.TriggerRole = "Strict", core.RoleMaintainer })
	context := "oore/mac"
	h.pipeline(t, strict.ID, "Mac", func(in *app.PipelineInput) { in.StatusContext = &context })
	d = h.say(t, "wes", "/oore build all branch=dev fresh=true\n/oore ping")
	if d.Status != core.DeliveryProcessed || len(h.builds(t)) != 4 || !strings.Contains(d.Reply, "Build #4 of Android is queued") ||
		!strings.Contains(d.Reply, "No build of Mac: This needs the role maintainer") || !strings.Contains(d.Reply, "is here") {
		t.Errorf("another project's rule: %s %+v, %q, %d builds", d.Status, d.Reason, d.Reply, len(h.builds(t)))
	}
	if len(d.Verdicts) != 2 || !d.Verdicts[0].Matched || d.Verdicts[1].Matched || d.Verdicts[1].Code != core.CodePermissionDenied {
		t.Errorf("verdicts %+v", d.Verdicts)
	}
}
