package app_test

import (
	"bytes"
	"image"
	"image/png"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// shared is a house with an artifact and a share link to it.
func shared(t *testing.T, in app.ShareLink) (h *house, artifact core.Artifact, link core.Credential, secret string) {
	t.Helper()
	h = newHouse(t)
	h.queued(t)
	artifact = h.put(t, h.running(t).Lease, "app.apk", "content")
	link, secret = h.share(t, artifact, in)
	return h, artifact, link, secret
}

func (h *house) share(t *testing.T, artifact core.Artifact, in app.ShareLink) (link core.Credential, secret string) {
	t.Helper()
	url, link, err := h.CreateShareLink(t.Context(), h.owner, artifact.ID, in)
	secret, ok := strings.CutPrefix(url, "https://ci.example.com/i/")
	if err != nil || !ok {
		t.Fatalf("%q, %v", url, err)
	}
	return link, secret
}

// gone checks that nothing answers a secret any more.
func (h *house) gone(t *testing.T, secret string) {
	t.Helper()
	_, err := h.FindShared(t.Context(), secret)
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	_, _, err = h.OpenShared(t.Context(), secret, true)
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	_, err = h.OpenSharedIcon(t.Context(), secret)
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	_, err = h.BeginInstall(t.Context(), secret)
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
}

func (h *house) loads(t *testing.T, secret string, begins bool) {
	t.Helper()
	artifact, file, err := h.OpenShared(t.Context(), secret, begins)
	if text := contentOf(t, artifact, file, err); text != "content" || artifact.Name != "app.apk" {
		t.Errorf("%s holds %q", artifact.Name, text)
	}
}

func TestAShareLinkIsGoodUntilItExpires(t *testing.T) {
	h, artifact, link, secret := shared(t, app.ShareLink{})
	if life := link.ExpiresAt.Sub(link.CreatedAt); life != 24*time.Hour {
		t.Errorf("it lives %s", life)
	}
	page, err := h.FindShared(t.Context(), secret)
	if err != nil || page.Artifact.ID != artifact.ID || page.Build.ID != artifact.BuildID || page.Project != "Shop" || page.SingleUse || !page.ExpiresAt.Equal(*link.ExpiresAt) {
		t.Errorf("%+v, %v", page, err)
	}
	if begun, err := h.BeginInstall(t.Context(), secret); err != nil || begun != secret {
		t.Errorf("%q, %v", begun, err)
	}
	h.loads(t, secret, true)
	h.loads(t, secret, false) // the rest of it
	h.loads(t, secret, true)
	list, err := h.ListShareLinks(t.Context(), h.owner, artifact.ID)
	if err != nil || len(list) != 1 || list[0].Uses != 2 || list[0].Name != "olga" || list[0].LastUsedAt == nil {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := h.Authenticate(t.Context(), secret); core.KindOf(err) != core.KindUnauthorized {
		t.Errorf("the link signs in: %v", err)
	}
	if _, _, err := h.OpenDownloadLink(t.Context(), secret); core.KindOf(err) != core.KindNotFound {
		t.Errorf("the link is a download link: %v", err)
	}
	h.clock.forward(24 * time.Hour)
	h.gone(t, secret)
	for _, unknown := range []string{"", "ooreh_x", "oorei_x", artifact.ID, link.ID} {
		h.gone(t, unknown)
	}
}

func TestHowLongAShareLinkMayLive(t *testing.T) {
	h, artifact, _, _ := shared(t, app.ShareLink{Life: 7 * 24 * time.Hour})
	h.share(t, artifact, app.ShareLink{Life: time.Minute})
	for _, bad := range []time.Duration{-time.Hour, time.Second, 59 * time.Second, 7*24*time.Hour + time.Second} {
		_, _, err := h.CreateShareLink(t.Context(), h.owner, artifact.ID, app.ShareLink{Life: bad})
		wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)
	}
}

func TestASingleUseIsOneInstall(t *testing.T) {
	h, artifact, link, secret := shared(t, app.ShareLink{SingleUse: true})
	for range 3 { // previews look, and use nothing up
		if page, err := h.FindShared(t.Context(), secret); err != nil || !page.SingleUse {
			t.Fatalf("%+v, %v", page, err)
		}
	}
	var won, lost atomic.Int32
	var install string
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			begun, err := h.BeginInstall(t.Context(), secret)
			switch core.KindOf(err) {
			case core.KindNotFound:
				lost.Add(1)
			default:
				won.Add(1)
				install = begun
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 7 {
		t.Fatalf("%d began, %d were refused", won.Load(), lost.Load())
	}
	h.gone(t, secret)
	for range 3 { // manifest, file, and the file again in ranges
		if begun, err := h.BeginInstall(t.Context(), install); err != nil || begun != install {
			t.Errorf("%q, %v", begun, err)
		}
		h.loads(t, install, true)
	}
	if page, err := h.FindShared(t.Context(), install); err != nil || page.SingleUse {
		t.Errorf("%+v, %v", page, err)
	}
	list, err := h.ListShareLinks(t.Context(), h.owner, artifact.ID)
	if err != nil || len(list) != 1 || list[0].ID != link.ID || list[0].Uses != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	h.clock.forward(time.Hour)
	h.gone(t, install)
}

func TestAnInstallEndsWithItsLink(t *testing.T) {
	h, artifact, link, secret := shared(t, app.ShareLink{SingleUse: true, Life: 10 * time.Minute})
	install, err := h.BeginInstall(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.RevokeShareLink(t.Context(), h.owner, link.ID); err != nil {
		t.Fatal(err)
	}
	h.gone(t, install)

	_, secret = h.share(t, artifact, app.ShareLink{SingleUse: true, Life: 10 * time.Minute})
	if install, err = h.BeginInstall(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	h.loads(t, install, true)
	h.clock.forward(10 * time.Minute)
	h.gone(t, install)
}

func TestARevokedLinkIsGoneAtOnce(t *testing.T) {
	h, artifact, link, secret := shared(t, app.ShareLink{})
	_, other := h.share(t, artifact, app.ShareLink{})
	if err := h.RevokeShareLink(t.Context(), h.owner, link.ID); err != nil {
		t.Fatal(err)
	}
	h.gone(t, secret)
	h.loads(t, other, true)
	for _, id := range []string{link.ID, "none"} {
		wantCode(t, h.RevokeShareLink(t.Context(), h.owner, id), core.KindNotFound, core.CodeNotFound)
	}
}

func TestWhoMayShare(t *testing.T) {
	h, artifact, link, secret := shared(t, app.ShareLink{})
	viewer := core.Actor{Kind: core.ActorToken, Name: "tester", Role: core.RoleViewer}
	url, _, err := h.CreateShareLink(t.Context(), viewer, artifact.ID, app.ShareLink{})
	if err != nil {
		t.Fatal(err)
	}
	hidden := core.VisibleMembers
	if _, err := h.UpdateProject(t.Context(), h.owner, artifact.ProjectID, app.UpdateProject{Visibility: &hidden}); err != nil {
		t.Fatal(err)
	}
	ticket := core.Actor{Kind: core.ActorToken, Role: core.RoleViewer, Scope: artifact.BuildID}
	for _, stranger := range []core.Actor{viewer, ticket} {
		_, _, err := h.CreateShareLink(t.Context(), stranger, artifact.ID, app.ShareLink{})
		wantCode(t, err, core.KindNotFound, core.CodeNotFound)
		_, err = h.ListShareLinks(t.Context(), stranger, artifact.ID)
		wantCode(t, err, core.KindNotFound, core.CodeNotFound)
		wantCode(t, h.RevokeShareLink(t.Context(), stranger, link.ID), core.KindNotFound, core.CodeNotFound)
		_, _, err = h.CreateInstall(t.Context(), stranger, artifact.ID)
		wantCode(t, err, core.KindNotFound, core.CodeNotFound)
		_, err = h.OpenIcon(t.Context(), stranger, artifact.ID)
		wantCode(t, err, core.KindNotFound, core.CodeNotFound)
		_, _, err = h.ListReleases(t.Context(), stranger, "shop")
		wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	}
	// A link is worth no more than who made it.
	h.gone(t, strings.TrimPrefix(url, "https://ci.example.com/i/"))
	h.loads(t, secret, true)
}

func TestALinkOfSomebodyWhoIsGoneIsGone(t *testing.T) {
	h, artifact, _, _ := shared(t, app.ShareLink{})
	for name, user := range map[string]core.User{
		"unknown": {ID: uuid.NewString()}, "disabled": {ID: uuid.NewString(), Email: "d@example.com", Role: core.RoleOwner},
	} {
		if user.Email != "" {
			if err := h.store.CreateUser(t.Context(), user); err != nil {
				t.Fatal(err)
			}
		}
		url, _, err := h.CreateShareLink(t.Context(), core.Actor{Kind: core.ActorUser, UserID: user.ID, Name: name, Role: core.RoleOwner}, artifact.ID, app.ShareLink{})
		if err != nil {
			t.Fatal(err)
		}
		h.gone(t, strings.TrimPrefix(url, "https://ci.example.com/i/"))
	}
}

func TestAPhoneNeedsNotSignInForAnHour(t *testing.T) {
	h, artifact, _, _ := shared(t, app.ShareLink{})
	install, expires, err := h.CreateInstall(t.Context(), h.owner, artifact.ID)
	if life := expires.Sub(h.clock.now()); err != nil || life > time.Hour || life < 59*time.Minute {
		t.Fatalf("for %s, %v", life, err)
	}
	h.loads(t, install, true)
	list, err := h.ListShareLinks(t.Context(), h.owner, artifact.ID)
	if err != nil || len(list) != 1 || list[0].Uses != 0 {
		t.Errorf("it counts as a share link: %+v, %v", list, err)
	}
	h.clock.forward(time.Hour)
	h.gone(t, install)
}

func TestALinkToWhatIsDeletedIsGone(t *testing.T) {
	h, artifact, _, secret := shared(t, app.ShareLink{})
	if err := h.DeleteProject(t.Context(), h.owner, artifact.ProjectID); err != nil {
		t.Fatal(err)
	}
	h.gone(t, secret)
}

func iconOf(t *testing.T, width int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewNRGBA(image.Rect(0, 0, width, width))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAnIconIsKeptBesideItsArtifact(t *testing.T) {
	h, plain, _, secret := shared(t, app.ShareLink{})
	_, err := h.OpenIcon(t.Context(), h.owner, plain.ID)
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	_, err = h.OpenSharedIcon(t.Context(), secret)
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)

	h.queued(t)
	job := h.running(t)
	with := apk("icon.apk")
	with.Icon, with.IconSHA256 = iconOf(t, 48), plain.SHA256
	if err := h.PutArtifact(t.Context(), job.Lease, with, strings.NewReader("content")); err != nil {
		t.Fatal(err)
	}
	list, err := h.ListArtifacts(t.Context(), h.owner, job.Lease.BuildID)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	_, secret = h.share(t, list[0], app.ShareLink{})
	icon, err := h.OpenIcon(t.Context(), h.owner, list[0].ID)
	if got := contentOf(t, list[0], icon, err); got != string(iconOf(t, 48)) {
		t.Errorf("%d bytes of icon", len(got))
	}
	icon, err = h.OpenSharedIcon(t.Context(), secret)
	if got := contentOf(t, list[0], icon, err); got != string(iconOf(t, 48)) {
		t.Errorf("%d bytes of icon", len(got))
	}
	h.clock.set(time.Now().Add(24 * time.Hour))
	h.sweepsNothing(t)
}

// A runner that means harm cannot have another project's bytes shown as an icon.
func TestARunnerCannotNameABlobAsItsIcon(t *testing.T) {
	h, secretFile, _, _ := shared(t, app.ShareLink{})
	h.queued(t)
	job := h.running(t)
	sly := apk("sly.apk")
	sly.IconSHA256 = secretFile.SHA256
	if err := h.PutArtifact(t.Context(), job.Lease, sly, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	list, err := h.ListArtifacts(t.Context(), h.owner, job.Lease.BuildID)
	if err != nil || len(list) != 1 || list[0].IconSHA256 != "" {
		t.Errorf("%+v, %v", list, err)
	}
	for _, bad := range [][]byte{[]byte("<svg onload=alert(1)>"), iconOf(t, 513), {}} {
		sly.Icon = bad
		wantCode(t, h.PutArtifact(t.Context(), job.Lease, sly, strings.NewReader("x")), core.KindInvalid, core.CodeInvalidInput)
	}
}

func TestReleasesBeginWithTheDefaultBranch(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	pipeline := h.pipeline(t, p.ID, "Android")
	for _, branch := range []string{"main", "dev"} {
		_, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ID, PipelineID: pipeline.ID, Branch: branch})
		if err != nil {
			t.Fatal(err)
		}
		job := h.running(t)
		h.put(t, job.Lease, branch+".apk", "x")
		if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildSucceeded}); err != nil {
			t.Fatal(err)
		}
	}
	viewer := core.Actor{Kind: core.ActorUser, Name: "tester", Role: core.RoleViewer}
	for _, name := range []string{p.ID, p.Slug} {
		project, releases, err := h.ListReleases(t.Context(), viewer, name)
		if err != nil || project.ID != p.ID || len(releases) != 2 || releases[0].Artifacts[0].Name != "main.apk" || releases[1].Build.Branch != "dev" {
			t.Errorf("%s: %+v, %v", name, releases, err)
		}
	}
	_, _, err := h.ListReleases(t.Context(), viewer, "none")
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
}
