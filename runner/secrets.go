package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// takeSecrets asks for the secrets that the plan names, hides them in the log from now
// on and puts them into the plan's environment. Errors are as with checkout.
func (b *build) takeSecrets(ctx context.Context, plan *core.Plan) error {
	if len(plan.Secrets) == 0 {
		return nil
	}
	var values []core.SecretValue
	err := persist(ctx, func() (err error) {
		values, err = b.pool.jobs.Secrets(ctx, b.job.Lease, plan.Secrets)
		return err
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case core.CodeOf(err) == core.CodeLeaseLost:
		return errors.Join(errLeaseLost, err)
	case core.CodeOf(err) == core.ReasonSecretMissing:
		return failf(core.ReasonSecretMissing, "%s", sentence(err))
	case err != nil && refused(err):
		return failf(core.ReasonSecretRefused, "%s", sentence(err))
	case err != nil:
		return fmt.Errorf("ask for the build's secrets: %w", err)
	}
	branch := ""
	for _, v := range values {
		b.log.masks.add(v.Value)
		branch = cmp.Or(branch, v.Branch)
	}
	if branch != "" {
		if err := b.isOfBranch(ctx, branch); err != nil {
			return err
		}
	}
	b.log.system(checkoutStep, "Secrets: %s", strings.Join(plan.Secrets, ", "))
	return b.giveSecrets(plan, values)
}

// giveSecrets writes files of their own for those that want it.
func (b *build) giveSecrets(plan *core.Plan, values []core.SecretValue) error {
	dir := secretsOf(b.dir)
	if _, err := renewDir(dir, removeAll); err != nil {
		return fmt.Errorf("make the folder for secrets: %w", err)
	}
	for _, v := range values {
		given := core.EnvVar{Key: v.Name, Value: v.Value}
		if v.File {
			given.Value = filepath.Join(dir, v.Name)
			if err := os.WriteFile(given.Value, []byte(v.Value), 0o600); err != nil {
				return fmt.Errorf("write the secret %s: %w", v.Name, err)
			}
		}
		plan.Env = append(plan.Env, given)
	}
	return nil
}

// secretsOf is where the secrets of a build lie that it gets as files.
func secretsOf(workspace string) string { return workspace + ".secrets" }

// isOfBranch makes sure that the branch leads to the build's commit. A mirror that does
// not know it is brought up to date first.
func (b *build) isOfBranch(ctx context.Context, branch string) error {
	m, err := b.borrowMirror(ctx, mirrorKey(b.job.Repository), b.sha)
	if err != nil {
		return err
	}
	if ok, err := b.leads(ctx, m, "refs/heads/"+branch); ok || err != nil {
		return err
	}
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	err = b.repeat(ctx, func() error { return b.fetchPublic(ctx, m, "") })
	if e := (*gitError)(nil); errors.As(err, &e) {
		return b.unreached(err)
	}
	if err != nil {
		return err
	}
	ok, err := b.leads(ctx, m, "refs/heads/"+branch)
	if ok || err != nil {
		return err
	}
	return failf(core.ReasonSecretRefused, "Secrets of the branch %s are not given to this build: commit %s is no part of that branch", branch, short(b.sha))
}

// leads tells whether the branch or tag, as the mirror knows it, leads to the build's
// commit.
func (b *build) leads(ctx context.Context, m *mirror, ref string) (bool, error) {
	refs, err := m.refs()
	if err != nil {
		return false, err
	}
	tip, ok := refs[ref]
	if !ok || tip == b.sha {
		return ok, nil
	}
	_, err = b.git(ctx, gitCall{dir: m.dir, args: []string{"merge-base", "--is-ancestor", b.sha, tip}})
	if e := (*gitError)(nil); errors.As(err, &e) {
		return false, nil
	}
	return err == nil, err
}

// redacted is the result without what is to be hidden.
func (b *build) redacted(r core.Result) core.Result {
	text := b.log.masks.text
	r.Message = text(r.Message)
	for i := range r.Problems {
		p := &r.Problems[i]
		p.Path, p.Title, p.Message = text(p.Path), text(p.Title), text(p.Message)
	}
	if r.Tests != nil {
		for i := range r.Tests.Failures {
			f := &r.Tests.Failures[i]
			f.Suite, f.Name, f.Path, f.Message = text(f.Suite), text(f.Name), text(f.Path), text(f.Message)
		}
	}
	for i := range b.cases {
		c := &b.cases[i]
		c.Suite, c.Name = text(c.Suite), text(c.Name)
	}
	return r
}
