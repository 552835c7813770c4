// Oore is the CI bot that a mobile team hosts itself. This package only composes:
// subcommands, configuration and the wiring of the rooms.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // of schedules, where the machine has none

	"github.com/oore-ci/oore/runner"
)

// Exit codes: 1 something failed or a check found something, 2 wrong usage or
// configuration.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	runner.RunShim(os.Args) // does not return in a shim, and must come before anything else
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// usageError is a fault of whoever typed the command or the configuration.
type usageError struct{ error }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	name := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	commands := map[string]func(context.Context, []string, io.Writer, io.Writer) error{
		"serve": serveCommand, "demo": demoCommand, "setup": setupCommand, "runner": runnerCommand, "token": tokenCommand, "signin-link": signInLinkCommand, "secrets": secretsCommand,
		"backup": backupCommand, "restore": restoreCommand, "restored": restoredCommand, "verify": verifyCommand, "blobs": blobsCommand,
		"validate": validateCommand, "doctor": doctorCommand, "version": versionCommand, "help": helpCommand,
	}
	command, ok := commands[name]
	if !ok {
		fmt.Fprintf(stderr, "oore: there is no command %q\n\n%s", name, usage)
		return exitUsage
	}
	err := command(ctx, args, stdout, stderr)
	var usageErr usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &usageErr):
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	fmt.Fprintln(stderr, "oore:", err)
	return exitFailed
}

const usage = `Usage: oore COMMAND [flags]

  serve         the server: web, API, webhooks and the embedded runners (the default)
  demo          a throw-away server with a sample repository whose first build starts at once
  setup         the first steps without a browser: oore setup [--admin E-MAIL] [--demo] [--repository PATH|URL] [--gitlab URL] [--json]
  runner        run builds of a server on this machine: oore runner --server URL --token T [--name N] [--labels a,b] [--slots N]
  token create  make an API token: oore token create --name N [--role owner|admin|developer|viewer]
  signin-link   print a new one-time link that signs the owner in
  secrets       seal all stored secrets with a new key, while no server runs: oore secrets rotate-key
                forget those whose key is lost for good: oore secrets replace-lost-key [--yes]
  backup        write all that the server knows into a new file: oore backup FILE [--artifacts] [--without-key]
  restore       fill an empty database and data folder from it: oore restore FILE
  restored      say that the database went back to an earlier state by other means, while no server runs: oore restored
  verify        check that what is stored, or in a backup, keeps what Oore promises: oore verify [FILE] [--json] [--blobs]
  blobs own     let this database delete what it does not need where artifacts and ended logs are: oore blobs own
  blobs migrate copy artifacts and ended logs to another place: oore blobs migrate --to s3://bucket?endpoint=… [--from …]
  validate      check a .oore.yaml: oore validate [FILE]
  doctor        check this machine and this configuration: oore doctor [--json]
  version       version, commit and Go version
  help          this text

Each command takes --help. Settings are OORE_… variables or flags of serve.
`

func helpCommand(_ context.Context, _ []string, stdout, _ io.Writer) error {
	_, err := io.WriteString(stdout, usage)
	return err
}
