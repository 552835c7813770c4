package app

import (
	"context"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// findAddress finds the repository at an address: by the forge of its host where that is
// connected and sees it, so that its webhooks start builds, and else by git.
func (a *App) findAddress(ctx context.Context, actor core.Actor, l *RepositoryLook, address string) (err error) {
	for _, in := range a.connectedAt(address) {
		l.in = in
		if l.repo, err = a.findRepository(ctx, actor, in); err == nil || core.KindOf(err) != core.KindInvalid {
			return err
		}
	}
	l.in = CreateProject{Provider: core.ProviderGit, CloneURL: address}
	l.repo, err = a.findRepository(ctx, actor, l.in)
	return err
}

// connectedAt are the names that the address may have at the connected forges.
func (a *App) connectedAt(address string) (found []CreateProject) {
	host, path, ssh := splitAddress(address)
	if path == "" {
		return nil
	}
	for _, i := range a.connections.list() {
		name, prefix, _ := strings.Cut(i.Host, "/")
		if ssh { // which has a port of its own, and no prefix
			name, _, _ = strings.Cut(name, ":")
		}
		if strings.EqualFold(host, name) {
			found = append(found, CreateProject{Provider: i.Provider, FullName: i.Host + "/" + strings.TrimPrefix(path, prefix+"/")})
		}
	}
	return found
}

// splitAddress takes https://host/path.git, ssh://git@host/path and git@host:path apart;
// no path: it is none of these.
func splitAddress(address string) (host, path string, ssh bool) {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		host, path, ssh = u.Host, u.Path, u.Scheme == "ssh"
		if ssh {
			host = u.Hostname()
		}
	} else if user, rest, ok := strings.Cut(address, "@"); ok && !strings.ContainsAny(user, "/:") {
		ssh = true
		host, path, _ = strings.Cut(rest, ":")
	}
	return host, strings.TrimSuffix(strings.Trim(path, "/"), ".git"), ssh
}

// elsewhere tells of an address of another machine that git alone knows.
func (l RepositoryLook) elsewhere() bool {
	return l.repo.Provider == core.ProviderGit && !filepath.IsAbs(l.repo.CloneURL)
}

// linkedTo is a project of the repository; nil: there is none.
func (a *App) linkedTo(ctx context.Context, repo core.Repository) (*core.Project, error) {
	stored, err := a.store.FindRepositoryByExternalID(ctx, repo.Provider, repo.Host, repo.ExternalID)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	projects, err := a.store.ListProjectsOfRepository(ctx, stored.ID)
	if err != nil || len(projects) == 0 {
		return nil, err
	}
	return &projects[0], nil
}

// headReader reads files of the head. Where each would cost a fetch it has read all that
// detect asks for.
func (a *App) headReader(ctx context.Context, l RepositoryLook) (core.FileReader, error) {
	forge := a.forges[l.repo.Provider]
	if batch, ok := forge.(core.BatchReader); ok && l.elsewhere() {
		paths := append(core.Pipeline{}.ConfigPaths(), core.PubspecPath, core.FVMRCPath)
		for _, p := range signsOfPlatforms() {
			paths = append(paths, p.files...)
		}
		files, err := batch.ReadFiles(ctx, l.repo, l.Commit.SHA, paths...)
		return filesRead(files), err
	}
	reader, ok := forge.(core.FileReader)
	if !ok {
		return nil, core.Errorf(core.KindInvalid, "%s is not set up any more", l.repo.Provider)
	}
	return reader, nil
}

// filesRead are files of one commit.
type filesRead map[string][]byte

func (f filesRead) ReadFile(_ context.Context, repo core.Repository, sha, path string) ([]byte, error) {
	data, ok := f[path]
	if !ok {
		return nil, core.Errorf(core.KindNotFound, "%s has no %s at %s", repo.FullName, path, sha)
	}
	return data, nil
}
