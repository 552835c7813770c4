package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// artifactsStep is our own step after the last command.
const artifactsStep = "artifacts"

// work runs the plan's commands and, when all succeeded, hands in what they made.
func (b *build) work(ctx context.Context, plan core.Plan) error {
	if err := b.steps(ctx, plan); err != nil {
		return err
	}
	return b.collect(ctx, plan)
}

// collect hands in the files that the plan's patterns match. Without a match there is
// no step, unless the configuration asks for one.
func (b *build) collect(ctx context.Context, plan core.Plan) error {
	if len(plan.ArtifactPatterns) == 0 {
		return nil
	}
	began := time.Now()
	root, err := openWorkspace(b.dir)
	if err != nil {
		return failf(core.ReasonArtifactMissing, "%s failed: the build's folder is gone: something that the build started has deleted or moved it", artifactsStep)
	}
	defer func() { _ = root.Close() }()
	found, err := findArtifacts(ctx, root, plan.ArtifactPatterns)
	if err == nil && len(found.matches) == 0 && !plan.ArtifactsRequired {
		return nil
	}
	step := b.newStep(core.PlanStep{Name: artifactsStep}, core.StepRunning)
	step.StartedAt = began
	b.log.report(step)
	if err == nil {
		err = b.handInAll(ctx, root, found, plan.ArtifactsRequired)
	}
	b.say(ctx, artifactsStep, err)
	b.endStep(ctx, step, err, nil)
	return err
}

// openWorkspace opens the folder itself: a link that a build put in its place is none.
func openWorkspace(dir string) (*os.Root, error) {
	known, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	opened, err := root.Stat(".")
	if err == nil && !os.SameFile(known, opened) {
		err = errors.New("the workspace is a link")
	}
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	return root, nil
}

func (b *build) handInAll(ctx context.Context, root *os.Root, found haul, required bool) error {
	if len(found.matches) == 0 {
		f := failf(core.ReasonArtifactMissing, "%s failed: no file matches %s", artifactsStep, strings.Join(found.idle, ", "))
		f.details = []string{
			"A pattern is relative to the repository's root; one without a slash is for file names in every folder. " +
				"Hidden folders and symbolic links are left out.",
		}
		return f
	}
	if required {
		for _, pattern := range found.idle {
			b.log.system(artifactsStep, "Nothing matches %s.", pattern)
		}
	}
	taken := map[string]core.Artifact{} // by name
	for _, m := range found.matches {
		if err := b.handIn(ctx, root, m, taken); err != nil {
			return err
		}
	}
	return nil
}

// handIn packs one match and gives it to the house.
func (b *build) handIn(ctx context.Context, root *os.Root, m match, taken map[string]core.Artifact) error {
	p, err := b.pack(ctx, root, m)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return failf(core.ReasonArtifactRefused, "%s failed: %s cannot be collected: %v", artifactsStep, core.ArtifactName(m.path), err)
	}
	defer func() { _ = p.file.Close() }()
	for _, note := range p.notes {
		b.log.system(artifactsStep, "%s", note)
	}
	if twin, known := taken[p.artifact.Name]; known && twin.SHA256 == p.artifact.SHA256 {
		b.log.system(artifactsStep, "%s is the same file again.", m.path)
		return nil
	}
	p.artifact.Name = freeName(taken, p.artifact.Name, m.path)
	if err := b.put(ctx, p); err != nil {
		return err
	}
	taken[p.artifact.Name] = p.artifact
	b.log.system(artifactsStep, "%s", describeArtifact(p.artifact, m.path))
	return nil
}

// freeName is the file's own name, or, where that is taken, its path as one.
func freeName(taken map[string]core.Artifact, name, path string) string {
	candidate := name
	for n := 1; ; n++ {
		if _, used := taken[candidate]; !used {
			return candidate
		}
		candidate = core.ArtifactName(strings.ReplaceAll(path, "/", "-"))
		if n > 1 {
			candidate = core.ArtifactName(fmt.Sprintf("%d-%s", n, name))
		}
	}
}

func describeArtifact(a core.Artifact, path string) string {
	text := fmt.Sprintf("Collected %s, %s, SHA-256 %s", a.Name, core.HumanSize(a.Size), a.SHA256)
	id := a.Metadata[core.MetaPackage] + a.Metadata[core.MetaBundleID]
	if about := strings.TrimSpace(id + " " + a.Version()); about != "" {
		text += ", " + about
	}
	if path != a.Name {
		text += ", from " + path
	}
	return text
}

// put gives the house the bytes, again until it has them.
func (b *build) put(ctx context.Context, p parcel) error {
	err := persist(ctx, func() error {
		if _, err := p.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		return b.pool.jobs.PutArtifact(ctx, b.job.Lease, p.artifact, io.LimitReader(p.file, p.artifact.Size))
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case core.CodeOf(err) == core.CodeLeaseLost:
		return errors.Join(errLeaseLost, err)
	case core.CodeOf(err) == core.CodeInvalidTransition:
		return errCanceled
	case refused(err):
		return failf(core.ReasonArtifactRefused, "%s failed: %s was not taken: %s", artifactsStep, p.artifact.Name, sentence(err))
	}
	return err
}

// parcel is an artifact that is ready to be handed in: its bytes, as often as needed.
type parcel struct {
	artifact core.Artifact
	file     *os.File
	notes    []string // for the log
}

// pack reads what the match is and says. Folders are zipped into a file that nobody
// else can open.
func (b *build) pack(ctx context.Context, root *os.Root, m match) (p parcel, err error) {
	p.artifact = core.Artifact{Name: core.ArtifactName(m.name()), Kind: core.ArtifactKindOf(m.path)}
	switch {
	case m.dir:
		p.artifact.Name = core.ArtifactName(m.name() + ".zip")
		p.file, p.notes, err = b.zipBundle(ctx, root, m.path)
	default:
		p.file, err = openRegular(root, m.path, m.info)
		if p.artifact.Kind == core.ArtifactApp {
			p.artifact.Kind = core.ArtifactFile
		}
	}
	if err != nil {
		return p, err
	}
	if err = p.digest(ctx); err != nil {
		_ = p.file.Close()
		return p, err
	}
	if m.dir {
		err = describeBundle(root, m.path, &p.artifact)
	} else {
		err = describeFile(p.file, &p.artifact)
	}
	if err != nil {
		p.notes = append(p.notes, fmt.Sprintf("%s does not say what it is: %v", p.artifact.Name, err))
	}
	return p, nil
}

// digest measures the file.
func (p *parcel) digest(ctx context.Context) error {
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	hash := sha256.New()
	size, err := io.Copy(hash, io.LimitReader(reader{ctx, p.file}, core.MaxArtifactSize+1))
	switch {
	case err != nil:
		return err
	case size > core.MaxArtifactSize:
		return errors.New("it is larger than 4 GiB, the most that an artifact may have")
	}
	p.artifact.Size, p.artifact.SHA256 = size, hex.EncodeToString(hash.Sum(nil))
	return nil
}

// reader reads until ctx ends.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}
