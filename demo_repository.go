package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed docs/demo/oore.yaml
var demoWorkflow []byte

// demoRepository is the sample repository with a clone that pushes to it.
type demoRepository struct {
	bare  string // where pushes go
	clone string // where a visitor works
}

// demoIn is that of a server.
func demoIn(dataDir string) demoRepository {
	dir := filepath.Join(dataDir, "demo")
	return demoRepository{bare: filepath.Join(dir, "shop.git"), clone: filepath.Join(dir, "shop")}
}

// Make makes both where they are not whole, with one commit.
func (d demoRepository) Make(ctx context.Context) (string, error) {
	if d.git(ctx, d.bare, "rev-parse", "--quiet", "--verify", "refs/heads/main") == nil {
		return filepath.EvalSymlinks(d.bare)
	}
	for _, dir := range []string{d.bare, d.clone} {
		if err := os.RemoveAll(dir); err != nil {
			return "", err
		}
	}
	if err := os.MkdirAll(filepath.Dir(d.bare), 0o700); err != nil {
		return "", err
	}
	if err := d.git(ctx, filepath.Dir(d.bare), "init", "--quiet", "--bare", "--initial-branch=main", d.bare); err != nil {
		return "", err
	}
	if err := d.git(ctx, filepath.Dir(d.bare), "clone", "--quiet", d.bare, d.clone); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(d.clone, ".oore.yaml"), demoWorkflow, 0o644); err != nil {
		return "", err
	}
	for _, args := range [][]string{
		{"checkout", "--quiet", "-B", "main"},
		{"config", "user.name", "Oore demo"},
		{"config", "user.email", "demo@example.com"},
	} {
		if err := d.git(ctx, d.clone, args...); err != nil {
			return "", err
		}
	}
	if err := d.commit(ctx, "Show what Oore does"); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(d.bare)
}

// Is tells whether the path is the repository's.
func (d demoRepository) Is(path string) bool {
	real, err := filepath.EvalSymlinks(d.bare)
	return err == nil && path == real
}

// Push pushes what the demo's test takes for a fault, or takes it away. Each time
// something changes.
func (d demoRepository) Push(ctx context.Context, broken bool) error {
	cart, message := filepath.Join(d.clone, "cart.txt"), "Count the items in the cart"
	if broken {
		message = "Break the cart"
		if err := os.WriteFile(cart, []byte("broken\n"), 0o644); err != nil {
			return err
		}
	} else if err := os.WriteFile(cart, []byte("2 items\n"), 0o644); err != nil {
		return err
	}
	return d.commit(ctx, message)
}

func (d demoRepository) commit(ctx context.Context, message string) error {
	for _, args := range [][]string{{"add", "."}, {"commit", "--quiet", "--allow-empty", "--message", message}, {"push", "--quiet", "origin", "main"}} {
		if err := d.git(ctx, d.clone, args...); err != nil {
			return err
		}
	}
	return nil
}

func (d demoRepository) git(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w: %s (the demo needs git 2.32 or newer)", args[0], err, out)
	}
	return nil
}
