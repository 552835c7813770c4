package store

import "github.com/oore-ci/oore/app/core"

// endReports readies the outbox for the end of pipelines and their builds: those whose column
// is the value. Statuses that may be pending at the forge, or are told just now, are wanted
// once more, to say so; where nobody has told them since places are kept, they stand where
// they would be told now. Comments that still show something else leave out what waits or
// runs. The rest goes.
func (s session) endReports(d dialect, column, value string) error {
	pipelines := "(SELECT id FROM pipelines WHERE " + column + " = ?)"
	const unfinished = "status IN ('queued', 'assigned', 'running')"
	// In the order in which who makes or moves a build takes them, whose word is told too.
	locks := []string{
		"SELECT id FROM pipelines WHERE " + column + " = ?" + d.lockAlone,
		"SELECT id FROM builds WHERE " + unfinished + " AND pipeline_id IN " + pipelines + " ORDER BY id" + d.lock,
	}
	if column == "project_id" {
		locks = append([]string{"SELECT id FROM projects WHERE id = ?" + d.lockAlone}, locks...)
	}
	for _, sql := range locks {
		var held []string
		if err := s.db().Raw(sql, value).Scan(&held).Error; err != nil {
			return err
		}
	}
	comments := `SELECT 'comment:' || j.repository_id || ':' || b.pr_number FROM builds b JOIN projects j ON j.id = b.project_id
		WHERE b.pr_number IS NOT NULL AND b.pipeline_id IN ` + pipelines
	others := ` EXISTS (SELECT 1 FROM builds o JOIN projects j ON j.id = o.project_id
		WHERE j.repository_id = effects.repository_id AND o.pr_number = effects.number AND o.pipeline_id NOT IN ` + pipelines + ")"
	steps := []struct {
		sql  string
		args []any
	}{
		{
			`UPDATE effects SET wanted = wanted + 1, attempts = 0, parked = false, note_code = ?, note_text = 'The pipeline was deleted', delivery_id = '',
			told_style = CASE WHEN told_context <> '' THEN told_style ELSE (
				SELECT j.checks FROM pipelines p JOIN projects j ON j.id = p.project_id WHERE p.id = effects.pipeline_id) END,
			told_context = CASE WHEN told_context <> '' THEN told_context ELSE (SELECT p.status_context FROM pipelines p WHERE p.id = effects.pipeline_id) END
			WHERE kind = 'status' AND pipeline_id IN ` + pipelines + ` AND (done < wanted OR told = 'note' AND note_code = ?
				OR EXISTS (SELECT 1 FROM builds b WHERE b.pipeline_id = effects.pipeline_id AND b.sha = effects.sha AND b.` + unfinished + "))",
			[]any{core.NoteDeleted, value, core.WhyFork},
		},
		{"DELETE FROM effects WHERE kind <> 'comment' AND note_code <> ? AND pipeline_id IN " + pipelines, []any{core.NoteDeleted, value}},
		{
			"UPDATE effects SET wanted = wanted + 1, attempts = 0, parked = false WHERE kind = 'comment' AND key IN (" + comments + " AND b." + unfinished + ") AND" + others,
			[]any{value, value},
		},
		{"DELETE FROM effects WHERE kind = 'comment' AND key IN (" + comments + ") AND NOT" + others, []any{value, value}},
	}
	for _, step := range steps {
		if err := s.db().Exec(step.sql, step.args...).Error; err != nil {
			return err
		}
	}
	return nil
}
