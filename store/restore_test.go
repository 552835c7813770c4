package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// dump is what a snapshot handed out.
type dump struct {
	schema []int
	oldest int
	rows   []dumped
}

type dumped struct {
	table   string
	columns []string
	row     []any
}

func takeDump(t *testing.T, s *store.Store) (d dump) {
	t.Helper()
	ok(t, s.Snapshot(t.Context(), func(v *store.Snapshot) error {
		d.schema, d.oldest = v.Schema(), v.Oldest()
		return v.Rows(func(table string, columns []string, row []any) error {
			d.rows = append(d.rows, dumped{table, columns, slices.Clone(row)})
			return nil
		})
	}))
	return d
}

func (d dump) load(ctx context.Context, url string) error {
	r, err := store.BeginRestore(ctx, url, d.schema, d.oldest)
	if err != nil {
		return err
	}
	return errors.Join(r.Load(ctx, func(add func(string, []string, []any) error) error {
		for _, row := range d.rows {
			if err := add(row.table, row.columns, row.row); err != nil {
				return err
			}
		}
		return nil
	}, slog.New(slog.DiscardHandler)), r.Close())
}

// lines are the rows as text, in an order of their own.
func (d dump) lines(without string) []string {
	var lines []string
	for _, row := range d.rows {
		if row.table != without {
			fields := []string{row.table}
			for i, column := range row.columns {
				fields = append(fields, fmt.Sprintf("%s=%#v", column, row.row[i]))
			}
			slices.Sort(fields[1:]) // the order of columns may differ
			lines = append(lines, strings.Join(fields, " "))
		}
	}
	slices.Sort(lines)
	return lines
}

// lasting are the lines that a restore leaves as they are: credentials and the claim on blobs
// it does not.
func (d dump) lasting() []string {
	return slices.DeleteFunc(d.lines("credentials"), func(line string) bool { return strings.Contains(line, `name="blobs"`) })
}

// fromTo runs f for each pair of databases.
func fromTo(t *testing.T, f func(t *testing.T, from, to string)) {
	for name, from := range map[string]func(testing.TB) string{"from sqlite": storetest.SQLite, "from postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, to string) { f(t, from(t), to) })
		})
	}
}

func TestARestoredDatabaseIsTheOneThatWasBackedUp(t *testing.T) {
	fromTo(t, func(t *testing.T, from, to string) {
		h, b := lived(t, from)
		was := core.BlobClaim{ID: "the one that is saved", Sweeps: 3}
		ok(t, h.SaveBlobClaim(t.Context(), was, at(1)))
		before := takeDump(t, h.Store)
		ok(t, before.load(t.Context(), to))
		s := open(t, to)
		clean(t, s)
		equal(t, takeDump(t, s).lasting(), before.lasting())
		claim, err := s.FindBlobClaim(t.Context())
		ok(t, err)
		equal(t, claim, core.BlobClaim{ID: claim.ID, Restored: true})
		if claim.ID == was.ID || claim.ID == "" {
			t.Errorf("it goes by the name of the one that was saved: %q", claim.ID)
		}
		for _, kind := range []core.CredentialKind{core.CredentialAPIToken, core.CredentialRunner, core.CredentialShare} {
			kept, err := s.ListCredentials(t.Context(), kind, "")
			ok(t, err)
			equal(t, len(kept), 1)
		}
		for _, kind := range []core.CredentialKind{core.CredentialSession, core.CredentialSignInLink} {
			dropped, err := s.ListCredentials(t.Context(), kind, "")
			ok(t, err)
			equal(t, len(dropped), 0)
		}
		// What the database numbers itself goes on behind what came.
		copied := house{Store: s, project: h.project, pipeline: h.pipeline}
		again := copied.newBuild()
		again.SourceBuildID = b.ID
		equal(t, copied.queue(t, again).Number, b.Number+1)
	})
}

// PostgreSQL read all builds for each list until it had surveyed by itself what came.
func TestARestoredDatabaseIsSurveyed(t *testing.T) {
	h, _ := lived(t, storetest.SQLite(t))
	to := storetest.Postgres(t)
	ok(t, takeDump(t, h.Store).load(t.Context(), to))
	db, err := sql.Open("pgx", to)
	ok(t, err)
	defer db.Close()
	var known int
	ok(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_stats WHERE tablename = 'builds' AND attname = 'created_at'").Scan(&known))
	equal(t, known, 1)
}

func TestNoRunnerGoesOnWithARestoredBuild(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := furnish(t, url)
		h.queue(t, h.newBuild())
		b := h.claim(t, "lease")
		to := storetest.SQLite(t)
		ok(t, takeDump(t, h.Store).load(t.Context(), to))
		s := open(t, to)
		_, err := s.RenewLease(t.Context(), core.Lease{BuildID: b.ID, RunnerID: b.RunnerID, Token: "lease"}, at(9))
		refused(t, err, core.KindConflict, core.CodeLeaseLost)
		held, err := s.ListLeased(t.Context(), at(9), "")
		ok(t, err)
		equal(t, len(held), 1) // so that the server takes it back
	})
}

func TestAnOldBackupIsMigrated(t *testing.T) {
	fromTo(t, func(t *testing.T, from, to string) {
		migrateTo(t, from, 3)
		execute(t, from, oldRows)
		old, err := store.OpenUnchanged(t.Context(), from)
		ok(t, err)
		before := takeDump(t, old)
		ok(t, old.Close())
		equal(t, before.schema, []int{1, 2, 3})
		ok(t, before.load(t.Context(), to))
		s := open(t, to)
		clean(t, s)
		repo, err := s.FindRepositoryByExternalID(t.Context(), core.ProviderGitHub, "git.acme.dev:8443", "8")
		ok(t, err)
		equal(t, repo.ID, "r2")
		ok(t, s.Ready(t.Context()))
	})
}

func TestRestoreRefusesWhatIsNotEmptyOrNewer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, _ := lived(t, url)
		d := takeDump(t, h.Store)
		before := d.lines("")
		refused(t, d.load(t.Context(), url), core.KindConflict, "conflict")
		equal(t, takeDump(t, h.Store).lines(""), before)
		d.schema, d.oldest = append(d.schema, 9999), 9999
		err := d.load(t.Context(), storetest.SQLite(t))
		refused(t, err, core.KindConflict, "conflict")
		if !strings.Contains(err.Error(), "newer version of Oore (schema 9999") {
			t.Error(err)
		}
	})
}

// What does not fit in the end leaves nothing, not even tables.
func TestAFailedRestoreLeavesTheDatabaseEmpty(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, _ := lived(t, storetest.SQLite(t))
		d := takeDump(t, h.Store)
		broken := d
		broken.rows = append(slices.Clone(d.rows), dumped{"builds", []string{"id"}, []any{"x"}})
		if err := broken.load(t.Context(), url); err == nil {
			t.Fatal("it was restored")
		}
		ok(t, d.load(t.Context(), url))
		clean(t, open(t, url))
	})
}

// Every build that a snapshot has is complete in it: its project has counted it, and
// its event is there.
func TestASnapshotIsOfOneMoment(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := furnish(t, url)
		ctx, stop := context.WithCancel(t.Context())
		var writers errgroup.Group
		for range 4 {
			writers.Go(func() error {
				for ctx.Err() == nil {
					b := h.newBuild()
					if _, _, err := h.CreateBuild(context.WithoutCancel(ctx), b, queued(b)); err != nil {
						return err
					}
				}
				return nil
			})
		}
		for range 20 {
			d := takeDump(t, h.Store)
			builds, events, counted := 0, 0, int64(0)
			for _, row := range d.rows {
				switch row.table {
				case "builds":
					builds++
				case "build_events":
					events++
				case "projects":
					counted = row.row[slices.Index(row.columns, "last_build_number")].(int64)
				}
			}
			if builds != events || int64(builds) != counted {
				t.Errorf("%d builds, %d events, and the project has counted %d", builds, events, counted)
			}
		}
		stop()
		ok(t, writers.Wait())
	})
}

// A database that went back by other means than a restore let runners of a later time go on.
func TestADatabaseThatWentBackGivesNoLeaseAndNoSession(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, _ := lived(t, url)
		ctx := t.Context()
		h.queue(t, h.newBuild())
		b := h.claim(t, "lease")
		lease := core.Lease{BuildID: b.ID, RunnerID: b.RunnerID, Token: "lease"}
		_, err := h.RenewLease(ctx, lease, at(9))
		ok(t, err)
		ok(t, h.Restored(ctx))
		_, err = h.RenewLease(ctx, lease, at(9))
		refused(t, err, core.KindConflict, core.CodeLeaseLost)
		leased, err := h.ListLeased(ctx, at(99), "")
		ok(t, err)
		equal(t, ids(leased), []string{b.ID}) // it ends as lost
		var left []string
		for _, d := range takeDump(t, h.Store).rows {
			if d.table == "credentials" {
				left = append(left, fmt.Sprint(d.row[0]))
			}
		}
		slices.Sort(left)
		equal(t, left, []string{string(core.CredentialAPIToken), string(core.CredentialRunner), string(core.CredentialShare)})
	})
}
