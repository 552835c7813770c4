package app_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/blob"
)

func newBlobs(t testing.TB) *blob.Local {
	t.Helper()
	blobs, err := blob.NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return blobs
}

func apk(name string) core.Artifact {
	return core.Artifact{Name: name, Kind: core.ArtifactAPK, Metadata: map[string]string{core.MetaPackage: "com.acme.shop"}}
}

func (h *house) put(t *testing.T, l core.Lease, name, content string) core.Artifact {
	t.Helper()
	if err := h.PutArtifact(t.Context(), l, apk(name), strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	list, err := h.ListArtifacts(t.Context(), h.owner, l.BuildID)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		if a.Name == name {
			return a
		}
	}
	t.Fatalf("%s is not listed: %+v", name, list)
	return core.Artifact{}
}

func contentOf(t *testing.T, _ core.Artifact, file io.ReadSeekCloser, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestAnArtifactIsKeptAndRead(t *testing.T) {
	h := newHouse(t)
	b := h.queued(t)
	job := h.running(t)
	first := h.put(t, job.Lease, "app.apk", "one")
	again := h.put(t, job.Lease, "app.apk", "two")
	if again.ID != first.ID || again.SHA256 == first.SHA256 || again.Size != 3 || again.BuildID != b.ID || again.ProjectID != b.ProjectID {
		t.Errorf("first %+v, then %+v", first, again)
	}
	got, file, err := h.OpenArtifact(t.Context(), h.owner, first.ID)
	if text := contentOf(t, got, file, err); text != "two" {
		t.Errorf("it holds %q", text)
	}
	list, total, err := h.ListProjectArtifacts(t.Context(), h.owner, b.ProjectID, core.Page{Limit: 10})
	if err != nil || total != 1 || list[0].ID != first.ID {
		t.Errorf("%+v, %d, %v", list, total, err)
	}
	detail, err := h.FindBuildDetail(t.Context(), h.owner, b.ID)
	if err != nil || len(detail.Artifacts) != 1 {
		t.Errorf("%+v, %v", detail.Artifacts, err)
	}
}

func TestOnlyTheHolderOfARunningBuildHandsIn(t *testing.T) {
	h := newHouse(t)
	b := h.queued(t)
	job := h.claim(t)
	put := func(l core.Lease, a core.Artifact) error {
		return h.PutArtifact(t.Context(), l, a, strings.NewReader("x"))
	}
	wantCode(t, put(job.Lease, apk("a")), core.KindConflict, core.CodeInvalidTransition) // assigned
	if err := h.Start(t.Context(), job.Lease, ""); err != nil {
		t.Fatal(err)
	}
	stale := job.Lease
	stale.Token = "stale"
	wantCode(t, put(stale, apk("a")), core.KindConflict, core.CodeLeaseLost)
	for _, name := range []string{"", "..", "a/b", `a\b`, "a\nb", strings.Repeat("x", 256)} {
		wantCode(t, put(job.Lease, apk(name)), core.KindInvalid, core.CodeInvalidInput)
	}
	lied := apk("a")
	lied.SHA256, lied.Size = strings.Repeat("0", 64), 1
	wantCode(t, put(job.Lease, lied), core.KindInvalid, core.CodeInvalidInput)
	large := apk("a")
	large.Size = core.MaxArtifactSize + 1
	wantCode(t, put(job.Lease, large), core.KindTooLarge, core.CodeTooLarge)
	if _, err := h.CancelBuild(t.Context(), h.owner, b.ID); err != nil {
		t.Fatal(err)
	}
	wantCode(t, put(job.Lease, apk("a")), core.KindConflict, core.CodeInvalidTransition)
	if list, err := h.ListArtifacts(t.Context(), h.owner, b.ID); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

// A build that is taken away while its file comes in keeps nothing of it.
func TestALeaseThatIsLostMeanwhileKeepsNoRow(t *testing.T) {
	h := newHouse(t)
	b := h.queued(t)
	job := h.running(t)
	err := h.PutArtifact(t.Context(), job.Lease, apk("a"), io.MultiReader(strings.NewReader("half"), readerFunc(func() error {
		h.clock.forward(2 * core.LeaseTTL)
		return h.RecoverRunner(context.Background(), job.Lease.RunnerID)
	})))
	wantCode(t, err, core.KindConflict, core.CodeLeaseLost)
	if list, err := h.ListArtifacts(t.Context(), h.owner, b.ID); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

type readerFunc func() error

func (f readerFunc) Read([]byte) (int, error) {
	if err := f(); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

func TestArtifactsAreSeenByWhoSeesTheProject(t *testing.T) {
	h := newHouse(t)
	b := h.queued(t)
	job := h.running(t)
	a := h.put(t, job.Lease, "app.apk", "x")
	hidden := core.VisibleMembers
	if _, err := h.UpdateProject(t.Context(), h.owner, b.ProjectID, app.UpdateProject{Visibility: &hidden}); err != nil {
		t.Fatal(err)
	}
	ticket := core.Actor{Kind: core.ActorToken, Role: core.RoleViewer, Scope: b.ID}
	for _, stranger := range []core.Actor{{Kind: core.ActorUser, Role: core.RoleDeveloper}, ticket} {
		_, err := h.ListArtifacts(t.Context(), stranger, b.ID)
		wantCode(t, err, core.KindNotFound, core.CodeNotFound)
		_, _, err = h.ListProjectArtifacts(t.Context(), stranger, b.ProjectID, core.Page{Limit: 1})
		wantCode(t, err, core.KindNotFound, core.CodeNotFound)
		_, _, err = h.OpenArtifact(t.Context(), stranger, a.ID)
		wantCode(t, err, core.KindNotFound, core.CodeNotFound)
		_, _, err = h.CreateDownloadLink(t.Context(), stranger, a.ID, 0)
		wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	}
}

func TestADownloadLinkIsForOneFileAndAWhile(t *testing.T) {
	h := newHouse(t)
	h.queued(t)
	job := h.running(t)
	a := h.put(t, job.Lease, "app.apk", "content")
	url, expires, err := h.CreateDownloadLink(t.Context(), h.owner, a.ID, 0)
	secret, ok := strings.CutPrefix(url, "https://ci.example.com/dl/")
	if err != nil || !ok || expires.Sub(h.clock.now()) > 5*time.Minute || expires.Sub(h.clock.now()) < 4*time.Minute {
		t.Fatalf("%s until %v, %v", url, expires, err)
	}
	for range 2 { // a browser asks again for ranges
		got, file, err := h.OpenDownloadLink(t.Context(), secret)
		if text := contentOf(t, got, file, err); text != "content" || got.Name != "app.apk" {
			t.Errorf("%s holds %q", got.Name, text)
		}
	}
	if _, err := h.Authenticate(t.Context(), secret); core.KindOf(err) != core.KindUnauthorized {
		t.Errorf("the link signs in: %v", err)
	}
	for _, bad := range []time.Duration{-time.Second, time.Millisecond, time.Hour + time.Second} {
		_, _, err := h.CreateDownloadLink(t.Context(), h.owner, a.ID, bad)
		wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)
	}
	h.clock.forward(5 * time.Minute)
	for _, unknown := range []string{secret, "oored_x", "", a.ID} {
		_, _, err := h.OpenDownloadLink(t.Context(), unknown)
		wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	}
}

func TestBytesWithoutARowAreSweptAndOthersStay(t *testing.T) {
	h := newHouse(t)
	b := h.queued(t)
	job := h.running(t)
	kept := h.put(t, job.Lease, "app.apk", "kept")
	replaced := h.put(t, job.Lease, "old.apk", "replaced")
	h.put(t, job.Lease, "old.apk", "kept") // one blob for both
	stray, _, err := h.blobs.Put(t.Context(), strings.NewReader("a server was killed before the row"))
	if err != nil {
		t.Fatal(err)
	}
	has := func(sum string) bool {
		file, err := h.blobs.Open(context.Background(), sum)
		if err == nil {
			file.Close()
		}
		return err == nil
	}
	if err := h.SweepBlobs(t.Context()); err != nil { // the first round claims the place
		t.Fatal(err)
	}
	h.clock.set(time.Now().Add(time.Hour)) // files bear the system's time
	if h.sweepsNothing(t); !has(stray) || !has(replaced.SHA256) {
		t.Error("what is young was swept")
	}
	h.clock.set(time.Now().Add(25 * time.Hour))
	h.work(t, func() bool { return !has(stray) && !has(replaced.SHA256) })
	if !has(kept.SHA256) {
		t.Error("what is used was swept")
	}
	if err := h.DeleteProject(t.Context(), h.owner, b.ProjectID); err != nil {
		t.Fatal(err)
	}
	h.work(t, func() bool { return !has(kept.SHA256) })
	_, _, err = h.OpenArtifact(t.Context(), h.owner, kept.ID)
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
}

// sweepsNothing sweeps as the worker does now.
func (h *house) sweepsNothing(t *testing.T) {
	t.Helper()
	n, err := h.blobs.Sweep(t.Context(), h.clock.now().Add(-3*time.Hour), h.unused)
	if err != nil || n != 0 {
		t.Errorf("%d swept, %v", n, err)
	}
}

func TestAFileThatIsGoneSaysSo(t *testing.T) {
	h := newHouse(t)
	h.queued(t)
	job := h.running(t)
	a := h.put(t, job.Lease, "app.apk", "x")
	if _, err := h.blobs.Sweep(t.Context(), time.Now().Add(time.Hour), func(_ context.Context, sums []string) ([]string, error) { return sums, nil }); err != nil {
		t.Fatal(err)
	}
	_, _, err := h.OpenArtifact(t.Context(), h.owner, a.ID)
	wantCode(t, err, core.KindGone, core.CodeArtifactGone)
}

func TestAReaderThatFailsIsTheCallersOwn(t *testing.T) {
	h := newHouse(t)
	h.queued(t)
	job := h.running(t)
	broken := errors.New("the line is cut")
	if err := h.PutArtifact(t.Context(), job.Lease, apk("a"), readerFunc(func() error { return broken })); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestTheCommentAndTheChatLinkToArtifacts(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, pullRequest(1, "feature", shaB))
	job := h.running(t)
	a := h.put(t, job.Lease, "app.apk", "x")
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildSucceeded}); err != nil {
		t.Fatal(err)
	}
	h.work(t, func() bool {
		h.forge.mu.Lock()
		defer h.forge.mu.Unlock()
		n := len(h.forge.comments)
		return n > 0 && len(h.forge.comments[n-1].Reports[0].Artifacts) == 1
	})
	h.forge.mu.Lock()
	defer h.forge.mu.Unlock()
	link := h.forge.comments[len(h.forge.comments)-1].Reports[0].Artifacts[0]
	if link.ID != a.ID || link.URL != "https://ci.example.com/i/"+a.ID || link.QRURL != link.URL+"/qr.png" {
		t.Errorf("link %+v", link)
	}
}

func (h *house) unused(ctx context.Context, sums []string) ([]string, error) {
	return h.store.UnusedBlobs(ctx, sums, time.Time{})
}
