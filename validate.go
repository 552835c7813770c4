package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/oore-ci/oore/app/core"
)

// validateCommand checks a .oore.yaml and prints every problem with its place.
func validateCommand(_ context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("validate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	if err := flags.Parse(args); err != nil {
		return flagError(err)
	}
	path := ".oore.yaml"
	if flags.NArg() > 0 {
		path = flags.Arg(0)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	file, err := core.ParseWorkflow(data)
	var problems *core.WorkflowError
	if errors.As(err, &problems) {
		for _, p := range problems.Problems {
			fmt.Fprintf(stdout, "%s:%d:%d: %s\n", path, p.Line, p.Column, p.Message)
		}
		return fmt.Errorf("%s is not good: %d to mend", path, len(problems.Problems))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	plan, err := core.ResolveConfig(core.Pipeline{}, file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, note := range plan.Notes {
		fmt.Fprintf(stdout, "%s: note: %s\n", path, note)
	}
	fmt.Fprintf(stdout, "%s is good: %s\n", path, plural(len(plan.Steps), "step"))
	return nil
}

// flagError marks what the flag package has already printed as wrong usage.
func flagError(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	return usageError{err}
}
