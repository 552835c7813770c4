package core

import (
	"context"
	"slices"
)

// FileReader is a Forge that reads single files.
type FileReader interface {
	// ReadFile reads a plain file of a commit, named by its full SHA; the path is relative
	// to the repository's root. Not there: KindNotFound; what is no plain file:
	// KindInvalid; larger than MaxWorkflowBytes: KindTooLarge. Other errors as with Forge.
	ReadFile(ctx context.Context, repo Repository, sha, path string) ([]byte, error)
}

// BatchReader is a FileReader of which some reads cost a fetch each.
type BatchReader interface {
	// ReadFiles reads those of the files that are there, with one fetch; errors as with
	// ReadFile, of any of them.
	ReadFiles(ctx context.Context, repo Repository, sha string, paths ...string) (map[string][]byte, error)
}

// FileSettings is what a pipeline has taken over from its file on the default branch,
// and what it had before. Triggers, concurrency and labels are taken over, each as a
// whole.
type FileSettings struct {
	Path    string // the file that was taken over last; empty: none ever was
	SHA     string // the commit that it is of
	Problem string // why the newest head has not been taken over; for people

	// The pipeline's own values of what the file says now; nil: the file says nothing
	// about it.
	Trigger     *Trigger
	Concurrency *Concurrency
	Labels      *[]string
}

// Keys are those of the file that are in force now.
func (f FileSettings) Keys() []string {
	keys := []string{}
	for _, k := range []struct {
		name  string
		taken bool
	}{{"triggers", f.Trigger != nil}, {"concurrency", f.Concurrency != nil}, {"labels", f.Labels != nil}} {
		if k.taken {
			keys = append(keys, k.name)
		}
	}
	return keys
}

// TakeOver makes the file's settings the pipeline's. Of what the file no longer says
// anything about, the pipeline gets its own value back.
func (p *Pipeline) TakeOver(file *Workflow, path, sha string) {
	p.File.Path, p.File.SHA, p.File.Problem = path, sha, ""
	var labels *[]string
	if file.Labels != nil {
		labels, p.Labels = &file.Labels, append([]string{}, p.Labels...) // not nil, which is not stored as a value
	}
	takeOver(&p.Trigger, &p.File.Trigger, file.Triggers)
	takeOver(&p.Concurrency, &p.File.Concurrency, file.Concurrency)
	takeOver(&p.Labels, &p.File.Labels, labels)
}

func takeOver[T any](value *T, own **T, file *T) {
	switch {
	case file != nil:
		if *own == nil {
			kept := *value
			*own = &kept
		}
		*value = *file
	case *own != nil:
		*value, *own = **own, nil
	}
}

// SetTrigger is a person's choice: it counts at once, and is the pipeline's own from
// then on. What is so already stays the file's.
func (p *Pipeline) SetTrigger(t Trigger) {
	if !p.Trigger.equal(t) {
		p.Trigger, p.File.Trigger = t, nil
	}
}

// SetConcurrency is as SetTrigger.
func (p *Pipeline) SetConcurrency(c Concurrency) {
	if p.Concurrency != c {
		p.Concurrency, p.File.Concurrency = c, nil
	}
}

// SetLabels is as SetTrigger.
func (p *Pipeline) SetLabels(labels []string) {
	if !slices.Equal(p.Labels, labels) {
		p.Labels, p.File.Labels = labels, nil
	}
}

func (t Trigger) equal(o Trigger) bool {
	return slices.Equal(t.Events, o.Events) && slices.Equal(t.Branches, o.Branches) && slices.Equal(t.TargetBranches, o.TargetBranches) &&
		slices.Equal(t.Paths, o.Paths) && slices.Equal(t.Tags, o.Tags)
}
