package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/archive"
)

// tokenCommand makes an API token. Whoever can open the database may.
func tokenCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 || args[0] != "create" {
		return usageError{fmt.Errorf("usage: oore token create --name N [--role owner|admin|developer|viewer]")}
	}
	flags := flag.NewFlagSet("token create", flag.ContinueOnError)
	flags.SetOutput(stderr)
	name := flags.String("name", "", "what the token is for")
	role := flags.String("role", string(core.RoleDeveloper), "owner, admin, developer or viewer")
	dir := flags.String("data-dir", "", "the server's data folder [OORE_DATA_DIR]")
	if err := flags.Parse(args[1:]); err != nil {
		return flagError(err)
	}
	return withApp(ctx, *dir, stderr, func(a *app.App) error {
		secret, _, err := a.CreateAPIToken(ctx, commandLine(), app.CreateAPIToken{Name: *name, Role: core.Role(*role)})
		if core.KindOf(err) == core.KindInvalid && err != nil {
			return usageError{err}
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(stdout, secret)
		return err
	})
}

// signInLinkCommand prints a one-time link for the owner.
func signInLinkCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("signin-link", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("data-dir", "", "the server's data folder [OORE_DATA_DIR]")
	if err := flags.Parse(args); err != nil {
		return flagError(err)
	}
	return withApp(ctx, *dir, stderr, func(a *app.App) error {
		link, err := a.CreateSignInLink(ctx, commandLine())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(stdout, link)
		return err
	})
}

// commandLine is whoever can open the database, and so may do everything.
func commandLine() core.Actor {
	return core.Actor{Kind: core.ActorSystem, Name: "command line", Role: core.RoleOwner, Door: core.ViaCLI}
}

// withApp opens the server's database beside the running server, for one command.
func withApp(ctx context.Context, dir string, stderr io.Writer, f func(*app.App) error) error {
	cfg, err := serverConfig(dir, stderr)
	if err != nil {
		return err
	}
	if err := wantDatabase(cfg); err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	db, err := store.Open(ctx, cfg.DatabaseURL, store.Options{Log: log})
	if err != nil {
		return err
	}
	defer db.Close()
	a, err := appBeside(cfg, db, rooms{}, nil)
	if err != nil {
		return err
	}
	return f(a)
}

// appBeside makes the commands over an open database, for a process beside the server's.
func appBeside(cfg Config, db *store.Store, r rooms, vault *app.Vault) (*app.App, error) {
	blobs, err := cfg.blobsAsTheyAre()
	if err != nil {
		return nil, err
	}
	logs, err := archive.New(blobs)
	if err != nil {
		return nil, err
	}
	return app.New(app.Deps{
		Store: db, Blobs: blobs, Archive: logs, Forges: r.forges, Vault: vault, Environment: r.environment,
		SignIn: r.signIn, Demo: r.demo, LocalRoots: cfg.LocalRoots,
		Clock: time.Now, NewID: newID, Log: slog.New(slog.DiscardHandler), PublicURL: cfg.PublicURL, LogLimit: cfg.LogLimit,
	})
}

// serverConfig is what the server beside which a command runs is given: the variables,
// and its data folder, which the command may name.
func serverConfig(dir string, stderr io.Writer) (Config, error) {
	var args []string
	if dir != "" {
		args = []string{"--data-dir", dir}
	}
	return loadConfig("oore", args, os.Environ(), stderr)
}

// wantDatabase keeps commands from making an empty database where none is.
func wantDatabase(cfg Config) error {
	path, sqlite := store.SQLitePath(cfg.DatabaseURL)
	if !sqlite {
		return nil
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no database %s yet: start `oore serve` once, or set OORE_DATA_DIR to the server's data folder", path)
	}
	return nil
}
