package store

import (
	"database/sql"
	"errors"
	"math"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// The first page read every effect there ever was to find out that no pull request has a
// comment yet.
func TestLookingForACommentReadsNoOtherEffects(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, err := Open(t.Context(), url, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if plan := planOf(t, url, anyComment); !strings.Contains(plan, "effects_commented") {
			t.Errorf("the index is not used: %s", plan)
		}
	})
}

// To connect an App that sees thousands of repositories read every effect for each of them,
// while nobody else could write.
func TestWakingARepositorysEffectsReadsNoOthers(t *testing.T) {
	values := strings.NewReplacer("$1", "1", "parked AND $2", "parked AND true", "$2", "'id'", "$3", "'id'")
	storetest.Each(t, func(t *testing.T, url string) {
		s, err := Open(t.Context(), url, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, statement := range []string{wakeOf, wakeThrough} {
			if plan := planOf(t, url, values.Replace(statement)); !strings.Contains(plan, "effects_waiting") {
				t.Errorf("the index is not used: %s", plan)
			}
		}
	})
}

// A push that cancels what came before it on its branch read every build that the branch ever
// had, while nobody else could write.
func TestWhatAPushReplacesIsFoundAmongWhatHasNotEnded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, err := Open(t.Context(), url, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		_, err = s.SaveRepository(t.Context(), core.Repository{ID: "repository", Provider: core.ProviderGitHub, ExternalID: "1"})
		b := core.Build{ID: "build", ProjectID: "project", PipelineID: "pipeline", Status: core.BuildSucceeded, Branch: "main"}
		err = errors.Join(err, s.CreateProject(t.Context(), core.Project{ID: b.ProjectID, Slug: "project", RepositoryID: "repository"}),
			s.CreatePipeline(t.Context(), core.Pipeline{ID: b.PipelineID, ProjectID: b.ProjectID, Slug: "pipeline"}))
		_, _, err2 := s.CreateBuild(t.Context(), b, core.BuildEvent{BuildID: b.ID, To: b.Status})
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		b.Number = math.MaxInt32
		active := core.BuildFilter{Before: &b, Statuses: []core.BuildStatus{core.BuildQueued, core.BuildAssigned, core.BuildRunning}}
		statement := s.db.gorm.ToSQL(func(db *gorm.DB) *gorm.DB {
			return paged(filterBuilds(db.Model(&buildRow{}), active), core.Page{Limit: 200}).Order("created_at DESC, id DESC").Find(new([]buildRow))
		})
		many := []string{ // PostgreSQL goes by what is there
			`INSERT INTO builds SELECT (jsonb_populate_record(b, jsonb_build_object('id', n::text, 'number', n))).* FROM builds b, generate_series(2, 1000) n`,
			"ANALYZE builds",
		}
		if plan := planOf(t, url, statement, many...); !strings.Contains(plan, "builds_unended") {
			t.Errorf("the index is not used: %s\n%s", plan, statement)
		}
	})
}

// planOf says how the database would go about a statement, PostgreSQL after others.
func planOf(t *testing.T, url, statement string, before ...string) string {
	t.Helper()
	driver, address, explain := "sqlite", strings.TrimPrefix(url, "sqlite:"), []string{"EXPLAIN QUERY PLAN " + statement}
	if address == url {
		driver, explain = "pgx", append(before, "SET enable_seqscan = off", "EXPLAIN "+statement) // it reads few rows as they lie
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	plan := ""
	for _, statement := range explain {
		plan = lastColumn(t, db, statement)
	}
	return plan
}

func lastColumn(t *testing.T, db *sql.DB, statement string) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), statement)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	values := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, values[len(values)-1].String)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}
