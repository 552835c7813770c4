package app

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// RepositoryLook is what Oore makes of a repository that nobody has linked yet.
type RepositoryLook struct {
	Name      string // proposed for the project
	Branch    string
	Commit    core.Commit // its head
	Workflow  string      // path of its `.oore.yaml`; empty: there is none
	App       core.Pubspec
	Flutter   string        // the version that its .fvmrc asks for; empty: none
	Platforms []string      // proposed; empty where Workflow says what to build, or nothing can be proposed
	Labels    []string      // that the proposed pipeline wants
	Unread    string        // why its files are not seen before a checkout, in a sentence; empty: they are
	Forecast  Forecast      // of the runners
	Linked    *core.Project // that is of this repository already; nil: none

	repo core.Repository
	in   CreateProject
}

// Startable tells whether a build can be proposed.
func (l RepositoryLook) Startable() bool {
	return l.Workflow != "" || len(l.Platforms) > 0 || l.Unread != ""
}

// LookAtRepository looks at the head of the default branch of a folder of the server or of
// an address that git can clone. An address at a host that is connected is looked at
// through its forge. Nothing is kept.
func (a *App) LookAtRepository(ctx context.Context, actor core.Actor, address string) (RepositoryLook, error) {
	var l RepositoryLook
	err := core.Allow(actor, core.ActCreateProject, nil)
	if err != nil {
		return l, err
	}
	if err := a.findAddress(ctx, actor, &l, strings.TrimSpace(address)); err != nil {
		return l, err
	}
	if l.Linked, err = a.linkedTo(ctx, l.repo); err != nil {
		return l, err
	}
	l.Branch = l.repo.DefaultBranch
	if l.Commit, err = a.resolve(ctx, l.repo, l.Branch, ""); err != nil {
		return l, err
	}
	if err := a.detect(ctx, &l); err != nil {
		return l, err
	}
	name := strings.TrimSuffix(filepath.Base(l.repo.FullName), ".git")
	if l.App.Flutter {
		name = orElse(l.App.Name, name)
	}
	l.Name = cutTo(name, core.MaxUserName)
	l.Forecast, err = a.FitFor(ctx, actor, l.Labels)
	return l, err
}

// detect reads what the files of the head say.
func (a *App) detect(ctx context.Context, l *RepositoryLook) error {
	reader, err := a.headReader(ctx, *l)
	if err != nil && l.elsewhere() {
		l.Unread = core.MessageOf(err)
		return nil
	}
	if err != nil {
		return err
	}
	path, text, err := readConfig(ctx, reader, l.repo, core.Pipeline{}, l.Commit.SHA)
	if err != nil {
		return err
	}
	if l.Workflow = path; path != "" {
		if file, err := core.ParseWorkflow(text); err == nil {
			l.Labels = file.Labels
		}
	}
	spec, err := reader.ReadFile(ctx, l.repo, l.Commit.SHA, core.PubspecPath)
	if err != nil {
		return ignoreMissing(err)
	}
	if l.App = core.ParsePubspec(spec); !l.App.Flutter {
		return nil
	}
	version, err := reader.ReadFile(ctx, l.repo, l.Commit.SHA, core.FVMRCPath)
	if ignoreMissing(err) != nil {
		return err
	}
	if l.Flutter, err = core.ParseFVMRC(version); err != nil {
		l.Flutter = "" // the build says what is wrong with it
	}
	if l.Workflow != "" {
		return nil
	}
	return proposePlatforms(ctx, reader, l)
}

// platformSigns are the files that tell for what an app is made.
type platformSigns struct {
	platform      string
	files, labels []string
}

func signsOfPlatforms() []platformSigns {
	return []platformSigns{
		{"android", []string{"android/build.gradle.kts", "android/build.gradle"}, nil},
		{"ios", []string{"ios/Runner/Info.plist"}, []string{"macos"}},
		{"macos", []string{"macos/Runner/Info.plist"}, []string{"macos"}},
	}
}

// proposePlatforms takes Android where the app has it, since any machine builds that, and
// else what only a Mac builds.
func proposePlatforms(ctx context.Context, reader core.FileReader, l *RepositoryLook) error {
	for _, p := range signsOfPlatforms() {
		for _, file := range p.files {
			_, err := reader.ReadFile(ctx, l.repo, l.Commit.SHA, file)
			if ignoreMissing(err) != nil {
				return err
			}
			if err == nil {
				l.Platforms, l.Labels = []string{p.platform}, p.labels
				return nil
			}
		}
	}
	return nil
}

func ignoreMissing(err error) error {
	if core.KindOf(err) == core.KindNotFound {
		return nil
	}
	return err
}

// StartRepository links the repository, makes the pipeline that LookAtRepository proposes
// and starts its first build.
func (a *App) StartRepository(ctx context.Context, actor core.Actor, address string) (core.Build, error) {
	l, err := a.LookAtRepository(ctx, actor, address)
	if err != nil {
		return core.Build{}, err
	}
	if !l.Startable() {
		return core.Build{}, core.Errorf(core.KindInvalid, "There is nothing to build: the repository has no .oore.yaml and is no Flutter app")
	}
	l.in.Name = l.Name
	project, err := a.CreateProject(ctx, actor, l.in)
	if err != nil {
		return core.Build{}, err
	}
	name := "Build"
	in := PipelineInput{Name: &name, Labels: &l.Labels}
	if len(l.Platforms) > 0 {
		in.Execution = &core.ExecutionConfig{Platforms: l.Platforms}
	}
	pipeline, err := a.CreatePipeline(ctx, actor, project.ID, in)
	if err != nil {
		return core.Build{}, err
	}
	return a.TriggerBuild(ctx, actor, TriggerBuild{ProjectID: project.ID, PipelineID: pipeline.ID, Type: core.TriggerManual})
}
