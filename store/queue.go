package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// queueRow is a build that waits or is worked on.
type queueRow struct {
	ID         string
	ProjectID  string
	PipelineID string
	Status     string
	Labels     []string `gorm:"serializer:json"`
	RunnerID   string
	QueuedAt   int64
	BusySince  int64
	QueueRank  int64
}

const (
	listQueue = `SELECT id, project_id, pipeline_id, status, labels, runner_id, queued_at, coalesce(started_at, assigned_at, 0) AS busy_since, queue_rank
		FROM builds WHERE status IN ('queued', 'assigned', 'running') ORDER BY queue_rank, queued_at, id`
	listQueuePipelines = `SELECT id, name, max_concurrent FROM pipelines
		WHERE id IN (SELECT pipeline_id FROM builds WHERE status IN ('queued', 'assigned', 'running'))`
	listQueueProjects = `SELECT id, name, quota_concurrent AS max_concurrent FROM projects
		WHERE quota_concurrent > 0 AND id IN (SELECT project_id FROM builds WHERE status IN ('queued', 'assigned', 'running'))`
	// listTook looks at few, so that a pipeline of which everything is canceled costs no more.
	listTook = `SELECT pipeline_id, finished_at - started_at AS took FROM (
			SELECT pipeline_id, status, started_at, finished_at FROM builds WHERE pipeline_id = ? ORDER BY created_at DESC, id DESC LIMIT 50) AS newest
		WHERE status IN ('succeeded', 'failed', 'timed_out') AND started_at IS NOT NULL LIMIT 10`
	// tookTogether bounds the pipelines that one statement asks about.
	tookTogether = 100
)

// ReadQueue is core.QueueStore's. The number of its statements does not grow with the
// queue, but for one in every 100 pipelines.
func (s *Store) ReadQueue(ctx context.Context) (core.Queue, error) {
	q := core.Queue{Pipelines: map[string]core.QueuePipeline{}}
	read := s.read(ctx)
	err := read.queuePause(&q)
	if err == nil {
		err = read.queuedAndActive(&q)
	}
	if err == nil {
		err = read.queuePipelines(&q)
	}
	if err == nil {
		err = read.queueProjects(&q)
	}
	if err != nil {
		return q, failed(err, "read the queue")
	}
	q.Runners, err = s.ListRunners(ctx)
	return q, err
}

func (s session) queuePause(q *core.Queue) error {
	var rows []struct {
		PausedBy string
		PausedAt int64
	}
	err := s.db().Raw("SELECT paused_by, paused_at FROM queue_pauses").Scan(&rows).Error
	if err == nil && len(rows) > 0 {
		q.Paused = &core.QueuePause{By: rows[0].PausedBy, At: instant(rows[0].PausedAt)}
	}
	return err
}

// PutFirst is core.QueueStore's.
func (s *Store) PutFirst(ctx context.Context, buildID string) error {
	err := s.writeOne(ctx, func(q session) error {
		n, err := q.exec(`UPDATE builds SET queue_rank = (SELECT min(queue_rank) FROM builds WHERE status = 'queued') - 1
			WHERE id = $1 AND status = 'queued'`, buildID)
		if err == nil && n == 0 {
			return core.Codef(core.KindConflict, core.CodeInvalidTransition, "The build no longer waits; look at it again")
		}
		return err
	})
	return failed(err, "put build %s first", buildID)
}

// thePause is the one row that queue_pauses may have.
const thePause = "queue"

// PauseQueue is core.QueueStore's.
func (s *Store) PauseQueue(ctx context.Context, p core.QueuePause) (changed bool, err error) {
	err = s.writeOne(ctx, func(q session) error {
		n, err := q.exec("INSERT INTO queue_pauses (id, paused_by, paused_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING", thePause, p.By, micros(p.At))
		changed = n > 0
		return err
	})
	return changed, failed(err, "pause the queue")
}

// ResumeQueue is core.QueueStore's.
func (s *Store) ResumeQueue(ctx context.Context, at time.Time) (changed bool, err error) {
	err = s.write(ctx, func(q session) error {
		var since []int64
		err := q.db().Raw("DELETE FROM queue_pauses RETURNING paused_at").Scan(&since).Error
		if changed = len(since) > 0; err != nil || !changed {
			return err
		}
		return q.hold(since[0], micros(at))
	})
	return changed, failed(err, "resume the queue")
}

// hold lets a time count for nothing that waits, or waits again should its runner be gone.
// Nothing is held for longer than it waits: the same time may be told twice.
func (s session) hold(since, until int64) error {
	_, err := s.exec(`UPDATE builds SET held = CASE WHEN queued_at > $2 OR held > $2 - queued_at THEN $1 - queued_at ELSE held + $1 - $2 END
		WHERE status IN ('queued', 'assigned') AND queued_at < $1 AND $2 < $1`, until, since)
	return err
}

func (s session) queuedAndActive(q *core.Queue) error {
	var rows []queueRow
	if err := s.db().Raw(listQueue).Scan(&rows).Error; err != nil {
		return err
	}
	for _, r := range rows {
		e := core.QueueEntry{BuildID: r.ID, ProjectID: r.ProjectID, PipelineID: r.PipelineID, Labels: r.Labels, QueuedAt: instant(r.QueuedAt)}
		if core.BuildStatus(r.Status) == core.BuildQueued {
			e.First = r.QueueRank < 0
			q.Waiting = append(q.Waiting, e)
			continue
		}
		e.RunnerID, e.BusySince = r.RunnerID, instant(r.BusySince)
		q.Active = append(q.Active, e)
	}
	return nil
}

func (s session) queuePipelines(q *core.Queue) error {
	var rows []struct {
		ID            string
		Name          string
		MaxConcurrent int
	}
	if err := s.db().Raw(listQueuePipelines).Scan(&rows).Error; err != nil {
		return err
	}
	var ids []any
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	took, err := s.took(ids)
	if err != nil {
		return err
	}
	for _, r := range rows {
		q.Pipelines[r.ID] = core.QueuePipeline{Name: r.Name, MaxConcurrent: r.MaxConcurrent, Usual: core.Median(took[r.ID])}
	}
	return nil
}

func (s session) queueProjects(q *core.Queue) error {
	var rows []struct {
		ID            string
		Name          string
		MaxConcurrent int
	}
	err := s.db().Raw(listQueueProjects).Scan(&rows).Error
	for _, r := range rows {
		if q.Projects == nil {
			q.Projects = map[string]core.QueueProject{}
		}
		q.Projects[r.ID] = core.QueueProject{Name: r.Name, MaxConcurrent: r.MaxConcurrent}
	}
	return err
}

// took is how long the last builds of each pipeline ran.
func (s session) took(pipelines []any) (map[string][]time.Duration, error) {
	took := map[string][]time.Duration{}
	for some := range slices.Chunk(pipelines, tookTogether) {
		var rows []struct {
			PipelineID string
			Took       int64
		}
		each := slices.Repeat([]string{"SELECT * FROM (" + listTook + ") AS it"}, len(some))
		if err := s.db().Raw(strings.Join(each, " UNION ALL "), some...).Scan(&rows).Error; err != nil {
			return nil, err
		}
		for _, r := range rows {
			took[r.PipelineID] = append(took[r.PipelineID], time.Duration(r.Took)*time.Microsecond)
		}
	}
	return took, nil
}
