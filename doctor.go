package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
)

// databaseTime is what the database gets of the time for all checks.
const databaseTime = 4 * time.Second

// doctorCommand checks this machine and this configuration: those of a server, of a
// runner, or of both, whatever it finds here.
func doctorCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(stderr)
	asJSON := flags.Bool("json", false, "print the result as JSON")
	dir := flags.String("data-dir", "", "the data folder of the server or the runner [OORE_DATA_DIR]")
	if err := flags.Parse(args); err != nil {
		return flagError(err)
	}
	if flags.NArg() > 0 {
		return usageError{fmt.Errorf("doctor takes no argument %q", flags.Arg(0))}
	}
	ctx, cancel := context.WithTimeout(ctx, app.CheckTime)
	defer cancel()
	d := newDoctor(*dir, os.Environ())
	defer d.close()
	probes := d.probes(ctx)
	result := app.Checkup{Checks: append(d.faults, app.Examine(ctx, probes)...), At: time.Now()}
	secrets := append(d.cfg.secrets(), d.runner.Token, d.joined.Token)
	for i := range result.Checks {
		result.Checks[i] = hideIn(result.Checks[i], secrets)
	}
	show := printCheckup
	if *asJSON {
		show = printCheckupJSON
	}
	if err := show(stdout, result); err != nil {
		return err
	}
	if failed := count(result.Checks, core.CheckFailed); failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(result.Checks))
	}
	return nil
}

// doctor is what is examined.
type doctor struct {
	cfg    Config
	runner runnerConfig
	joined membership // the runner's

	serves, runs bool
	faults       []core.Check // of the settings; they hold up no other check
	db           *store.Store // nil: it is not usable
}

func newDoctor(dir string, environ []string) *doctor {
	var args []string
	if dir != "" {
		args = []string{"--data-dir", dir}
	}
	d := &doctor{}
	var wrong, wrongRunner, wrongMember error
	d.cfg, wrong = loadConfig("doctor", args, environ, io.Discard)
	d.runner, wrongRunner = loadRunnerConfig(args, environ, io.Discard)
	d.joined, wrongMember = readMembership(d.runner.DataDir)
	d.runs = d.runner.Server != "" || isThere(membershipFile(d.runner.DataDir))
	database, isFile := strings.CutPrefix(d.cfg.DatabaseURL, "sqlite:")
	d.serves = !d.runs || !isFile || isThere(database)
	if d.serves {
		d.complain(wrong)
	}
	if d.runs {
		d.complain(wrongRunner)
		d.complain(wrongMember)
	}
	for _, name := range environment(environ).unknown() {
		known := slices.ContainsFunc(d.runner.settings(), func(s setting) bool { return name == s.env || name == s.env+"_FILE" })
		if !known {
			d.fault(name, core.Warn("this version of Oore does not read it", "Check how it is spelled, or remove it"))
		}
	}
	return d
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (d *doctor) fault(name string, c core.Check) {
	c.Area, c.Name = core.AreaSettings, name
	d.faults = append(d.faults, c)
}

// complain makes a fault of every line of an error, which names its variable first.
func (d *doctor) complain(err error) {
	if err == nil {
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if name, text, ok := strings.Cut(line, ": "); ok && strings.HasPrefix(name, "OORE_") {
			d.fault(name, core.Fail(text, "Set it right, or remove it"))
		} else {
			d.fault("settings", core.Fail(line, "Set it right"))
		}
	}
}

func (d *doctor) close() {
	if d.db != nil {
		_ = d.db.Close() // nothing was changed
	}
}

// probes are those for what this machine is.
func (d *doctor) probes(ctx context.Context) []core.Probe {
	var probes []core.Probe
	if d.serves {
		probes = d.serverProbes(ctx)
	}
	if d.runs {
		probes = append(probes, runnerProbes(d.runner, d.joined, d.serves)...)
	}
	return probes
}

// serverProbes opens the database if it is as it should be: who looks must not migrate
// it.
func (d *doctor) serverProbes(ctx context.Context) []core.Probe {
	log := slog.New(slog.DiscardHandler)
	s := system{cfg: d.cfg, beside: true}
	s.vault, _ = findVault(d.cfg) // the check of the key says what is wrong with it
	if count(d.faults, core.CheckFailed) > 0 {
		return s.probes()
	}
	r, err := newRooms(d.cfg, log)
	if err != nil {
		d.complain(err)
		return s.probes()
	}
	s.rooms = r
	inTime, cancel := context.WithTimeout(ctx, databaseTime) // the other checks wait for it
	database := store.Examine(inTime, d.cfg.DatabaseURL)
	cancel()
	s.database = func(context.Context) core.Check { return database }
	if database.State == core.CheckOK {
		a, err := d.open(ctx, s, log)
		if err == nil {
			s.sources, s.settings, s.fits, s.spare = a.SourceAddresses, d.db.ExamineSettings, a.KeyFits, d.db.SpareBytes
			return append(s.probes(), a.Probes(ctx)...)
		}
		database = core.Fail("cannot be opened: "+core.MessageOf(err), "Check the disk and the permissions of the data folder")
	}
	given := s.givenProbes()
	return append(s.probes(), given...)
}

func (d *doctor) open(ctx context.Context, s system, log *slog.Logger) (a *app.App, err error) {
	if d.db, err = store.Open(ctx, d.cfg.DatabaseURL, store.Options{Log: log}); err != nil {
		return nil, err
	}
	return appBeside(d.cfg, d.db, s.rooms, s.vault)
}
