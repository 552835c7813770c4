package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/oore-ci/oore/store"
)

// restoredCommand does to a database that went back to an earlier state by other means
// what `oore restore` does to the one that it fills.
func restoredCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("restored", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("data-dir", "", "the server's data folder [OORE_DATA_DIR]")
	if err := flags.Parse(args); err != nil {
		return flagError(err)
	}
	if flags.NArg() > 0 {
		return usageError{fmt.Errorf("restored takes no argument %q", flags.Arg(0))}
	}
	cfg, err := serverConfig(*dir, stderr)
	if err != nil {
		return err
	}
	if err := withKeyAlone(ctx, cfg, func(db *store.Store) error { return db.Restored(ctx) }); err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, "No runner has a lease any more, and nobody a session. Check the database with `oore verify`, then start the server.\n"+
		"It deletes no artifact and no log of others: if this is no rehearsal, run `oore blobs own`.")
	return err
}
