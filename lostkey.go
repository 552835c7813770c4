package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/store"
)

// damagedKeyFile is where a key file is put that cannot be read.
func damagedKeyFile(dir string) string { return keyFile(dir) + ".damaged" }

// replaceLostKey says what the loss of the key costs, and if sure is set takes it away, so
// that the server starts with the key that it has now, or a new one.
func replaceLostKey(ctx context.Context, cfg Config, db *store.Store, sure bool, stdout io.Writer) error {
	if err := checkRotation(cfg); err != nil {
		return err
	}
	key, keep, err := keyInstead(cfg)
	if err != nil {
		return err
	}
	vault, err := app.NewVault(key)
	if err != nil {
		return err
	}
	a, err := appBeside(cfg, db, rooms{}, vault)
	if err != nil {
		return err
	}
	lost, err := a.ListLost(ctx, commandLine())
	if err != nil {
		return err
	}
	printLost(stdout, lost)
	if !sure {
		return errors.New("nothing was changed. If the key is in no backup and nowhere else, run this again with --yes: what is listed above is then gone for good")
	}
	if err := keep(); err != nil {
		return fmt.Errorf("keep the new key: %w", err)
	}
	if _, err := a.ReplaceLostKey(ctx, commandLine()); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\nForgotten. The key of this server is now %s; start it, and enter the above anew.\n", vault.KeyID())
	return nil
}

// keyInstead is the key that takes the place of the lost one: the one that the server has,
// though it opens nothing, or a new one, which keep puts on the disk.
func keyInstead(cfg Config) (key []byte, keep func() error, err error) {
	key, err = readKey(cfg)
	if err == nil {
		return key, func() error { return nil }, nil
	}
	path := keyFile(cfg.DataDir)
	if _, unread := os.ReadFile(path); unread != nil && !errors.Is(unread, fs.ErrNotExist) {
		return nil, nil, err // it may be a good one
	}
	key = make([]byte, 32)
	rand.Read(key) // never fails: it ends the program instead
	return key, func() error {
		if err := os.Rename(path, damagedKeyFile(cfg.DataDir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return writeKey(path, key)
	}, nil
}

// printLost lists project by project what is lost, and what has to be done about it.
func printLost(w io.Writer, lost []app.Lost) {
	slices.SortStableFunc(lost, func(a, b app.Lost) int { return cmp.Compare(a.Project, b.Project) })
	for i := 0; i < len(lost); {
		same := i
		for same < len(lost) && lost[same] == lost[i] {
			same++
		}
		if i == 0 || lost[i-1].Project != lost[i].Project {
			fmt.Fprintln(w, placeOf(lost[i]))
		}
		times := ""
		if same-i > 1 {
			times = fmt.Sprintf(" (%d times)", same-i)
		}
		fmt.Fprintf(w, "  %s%s\n      %s\n", lost[i].What, times, lost[i].Again)
		i = same
	}
}

func placeOf(l app.Lost) string {
	if l.Project == "" {
		return "The whole server"
	}
	return "Project " + l.Project
}
