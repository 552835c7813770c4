package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/oore-ci/oore/app/core"
)

// codeLogGap is the code of a log chunk that does not follow what is stored.
const codeLogGap = "log_gap"

// AppendLog is core.LogStore's. The build's row stays locked meanwhile, so that
// nobody takes the lease away between its check and the commit.
func (s *Store) AppendLog(ctx context.Context, lease string, chunks []core.LogChunk) error {
	if len(chunks) == 0 {
		return nil
	}
	id := chunks[0].BuildID
	err := s.write(ctx, func(q session) error {
		var holder string
		err := q.pool.QueryRowContext(ctx, "SELECT lease_token FROM builds WHERE id = $1"+s.db.dialect.lock, id).Scan(&holder)
		if errors.Is(err, sql.ErrNoRows) || err == nil && (lease == "" || holder != lease) {
			return leaseLost(id)
		}
		if err != nil {
			return err
		}
		return q.appendChunks(id, chunks)
	})
	return failed(err, "append to the log of build %s", id)
}

func (s session) appendChunks(buildID string, chunks []core.LogChunk) error {
	next, err := s.nextLog(buildID)
	if err != nil {
		return err
	}
	for _, c := range chunks {
		switch {
		case c.BuildID != buildID:
			return core.Errorf(core.KindInvalid, "Log chunks of builds %s and %s cannot be stored together", buildID, c.BuildID)
		case c.Next() <= next:
			continue // sent again: its answer was lost
		case c.FirstSequence != next:
			return core.Codef(core.KindConflict, codeLogGap, "The log of build %s goes on at %d, the chunk starts at %d; send what is missing", buildID, next, c.FirstSequence)
		}
		data := c.Data
		if data == nil {
			data = []byte{}
		}
		_, err := s.exec("INSERT INTO log_chunks (build_id, first_sequence, record_count, step, at, data) VALUES ($1, $2, $3, $4, $5, $6)",
			buildID, c.FirstSequence, c.Count, c.Step, micros(c.At), data)
		if err != nil {
			return err
		}
		next = c.Next()
	}
	return nil
}

func (s session) nextLog(buildID string) (next int64, err error) {
	err = s.pool.QueryRowContext(s.ctx,
		"SELECT first_sequence + record_count FROM log_chunks WHERE build_id = $1 ORDER BY first_sequence DESC LIMIT 1", buildID).Scan(&next)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return next, err
}

// firstChunks is how many chunks a read asks for before it knows their size.
const firstChunks = 16

// ReadLog is core.LogStore's. It asks for as many chunks at a time as should fill
// what is left, since what a database has begun to send cannot be stopped cheaply.
func (s *Store) ReadLog(ctx context.Context, buildID string, after int64, maxBytes int) ([]core.LogChunk, error) {
	q := s.read(ctx)
	from, err := q.chunkOf(buildID, after+1)
	if err != nil {
		return nil, failed(err, "read the log of build %s", buildID)
	}
	var chunks []core.LogChunk
	size, limit := 0, firstChunks
	for {
		more, err := q.readChunks(buildID, from, limit)
		if err != nil {
			return nil, failed(err, "read the log of build %s", buildID)
		}
		for _, c := range more {
			if c.Next() <= after+1 {
				continue
			}
			if len(chunks) > 0 && size >= maxBytes {
				return chunks, nil
			}
			chunks = append(chunks, c)
			size += len(c.Data)
		}
		if len(more) < limit || size >= maxBytes {
			return chunks, nil
		}
		from = more[len(more)-1].Next()
		limit = min(max((maxBytes-size)*len(chunks)/max(size, 1)+1, firstChunks), 1024)
	}
}

// chunkOf is where the chunk that holds the sequence starts.
func (s session) chunkOf(buildID string, sequence int64) (from int64, err error) {
	err = s.pool.QueryRowContext(s.ctx,
		"SELECT coalesce(max(first_sequence), 0) FROM log_chunks WHERE build_id = $1 AND first_sequence <= $2", buildID, sequence).Scan(&from)
	return from, err
}

func (s session) readChunks(buildID string, from int64, limit int) ([]core.LogChunk, error) {
	rows, err := s.pool.QueryContext(s.ctx, `SELECT first_sequence, record_count, step, at, data FROM log_chunks
		WHERE build_id = $1 AND first_sequence >= $2 ORDER BY first_sequence LIMIT $3`, buildID, from, limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var chunks []core.LogChunk
	for rows.Next() {
		c := core.LogChunk{BuildID: buildID}
		var at int64
		if err := rows.Scan(&c.FirstSequence, &c.Count, &c.Step, &at, &c.Data); err != nil {
			return nil, err
		}
		c.At = instant(at)
		chunks = append(chunks, c)
	}
	return chunks, s.over(rows)
}
