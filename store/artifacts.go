package store

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm/clause"

	"github.com/oore-ci/oore/app/core"
)

type artifactRow struct {
	ID        string `gorm:"primaryKey"`
	BuildID   string
	ProjectID string
	Name      string
	Kind      string
	SizeBytes int64
	SHA256    string            `gorm:"column:sha256"`
	Metadata  map[string]string `gorm:"serializer:json"`
	Icon      string            `gorm:"column:icon_sha256"`
	Created   int64             `gorm:"column:created_at"`
	ExpiresAt *int64
}

// TableName is gorm's.
func (artifactRow) TableName() string { return "artifacts" }

func (r artifactRow) toCore() core.Artifact {
	return core.Artifact{
		ID: r.ID, BuildID: r.BuildID, ProjectID: r.ProjectID, Name: r.Name, Kind: core.ArtifactKind(r.Kind), Size: r.SizeBytes,
		SHA256: r.SHA256, Metadata: r.Metadata, IconSHA256: r.Icon, CreatedAt: instant(r.Created), ExpiresAt: instantOrNil(r.ExpiresAt),
	}
}

// SaveArtifact is core.ArtifactStore's.
func (s *Store) SaveArtifact(ctx context.Context, a core.Artifact) (core.Artifact, error) {
	row := artifactRow{
		ID: a.ID, BuildID: a.BuildID, ProjectID: a.ProjectID, Name: a.Name, Kind: string(a.Kind), SizeBytes: a.Size,
		SHA256: a.SHA256, Metadata: a.Metadata, Icon: a.IconSHA256, Created: micros(a.CreatedAt), ExpiresAt: microsOrNil(a.ExpiresAt),
	}
	if row.Metadata == nil {
		row.Metadata = map[string]string{}
	}
	var stored artifactRow
	err := s.write(ctx, func(q session) error {
		err := q.db().Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "build_id"}, {Name: "name"}},
			DoUpdates: clause.AssignmentColumns([]string{"kind", "size_bytes", "sha256", "metadata", "icon_sha256", "created_at", "expires_at"}),
		}).Create(&row).Error
		if err != nil {
			return err
		}
		return q.db().Take(&stored, "build_id = ? AND name = ?", a.BuildID, a.Name).Error
	})
	return stored.toCore(), failed(err, "save artifact %s of build %s", a.Name, a.BuildID)
}

// FindArtifact is core.ArtifactStore's.
func (s *Store) FindArtifact(ctx context.Context, id string) (core.Artifact, error) {
	var row artifactRow
	err := s.read(ctx).db().Take(&row, "id = ?", id).Error
	return row.toCore(), found(err, "Artifact", "find artifact %s", id)
}

// ListArtifacts is core.ArtifactStore's.
func (s *Store) ListArtifacts(ctx context.Context, buildID string) ([]core.Artifact, error) {
	var rows []artifactRow
	err := s.read(ctx).db().Order("name, id").Find(&rows, "build_id = ?", buildID).Error
	return toCores(rows), failed(err, "list artifacts of build %s", buildID)
}

// ListProjectArtifacts is core.ArtifactStore's.
func (s *Store) ListProjectArtifacts(ctx context.Context, projectID string, page core.Page) ([]core.Artifact, int, error) {
	q := s.read(ctx)
	var total int64
	if err := q.db().Model(&artifactRow{}).Where("project_id = ?", projectID).Count(&total).Error; err != nil {
		return nil, 0, failed(err, "count artifacts of project %s", projectID)
	}
	var rows []artifactRow
	err := paged(q.db(), page).Order("created_at DESC, id DESC").Find(&rows, "project_id = ?", projectID).Error
	return toCores(rows), int(total), failed(err, "list artifacts of project %s", projectID)
}

// releaseReach is how many of a project's apps are looked at to find the newest of each
// branch: a project has any number of them.
const releaseReach = 2000

// ListReleases is core.ArtifactStore's.
func (s *Store) ListReleases(ctx context.Context, projectID string, limit int) ([]core.Release, error) {
	q := s.read(ctx)
	var builds []buildRow
	made := q.db().Model(&artifactRow{}).Select("build_id").Where("project_id = ? AND kind IN ?", projectID, installable()).
		Order("created_at DESC, id DESC").Limit(releaseReach)
	newest := q.db().Model(&buildRow{}).Select("max(number)").Group("pipeline_id, branch, tag").
		Where("id IN (?) AND status = 'succeeded' AND NOT pr_fork", made)
	err := q.db().Omit("Problems", "Tests").Order("number DESC").Limit(limit).Find(&builds, "project_id = ? AND number IN (?)", projectID, newest).Error
	if err != nil {
		return nil, failed(err, "find the releases of project %s", projectID)
	}
	releases, ids, places := make([]core.Release, len(builds)), make([]string, len(builds)), map[string]int{}
	for i, b := range builds {
		releases[i].Build, ids[i], places[b.ID] = b.toCore(), b.ID, i
	}
	var rows []artifactRow
	err = q.db().Order("name, id").Find(&rows, "build_id IN ? AND kind IN ?", ids, installable()).Error
	for _, row := range rows {
		r := &releases[places[row.BuildID]]
		r.Artifacts = append(r.Artifacts, row.toCore())
	}
	return releases, failed(err, "list what the releases of project %s are made of", projectID)
}

// installable lists the kinds that a phone can install.
func installable() []string { return []string{string(core.ArtifactAPK), string(core.ArtifactIPA)} }

// UnusedBlobs is core.ArtifactStore's.
func (s *Store) UnusedBlobs(ctx context.Context, sums []string, t time.Time) ([]string, error) {
	known := map[string]bool{}
	for _, use := range blobUses() {
		var used []string
		args := []any{sums}
		if strings.Contains(use.kept, "?") {
			args = append(args, micros(t))
		}
		err := s.read(ctx).db().Raw("SELECT DISTINCT "+use.column+" FROM "+use.table+" WHERE "+use.column+" IN ? AND "+use.kept, args...).Scan(&used).Error
		if err != nil {
			return nil, failed(err, "ask which blobs are used")
		}
		for _, sum := range used {
			known[sum] = true
		}
	}
	var unused []string
	for _, sum := range sums {
		if !known[sum] {
			unused = append(unused, sum)
		}
	}
	return unused, nil
}

// blobUse is a column that names blobs, and when they are still kept: what was ended
// after the moment is.
type blobUse struct{ column, table, kept string }

func blobUses() []blobUse {
	return []blobUse{
		{"sha256", "artifacts", "(expires_at IS NULL OR expires_at >= ?)"},
		{"icon_sha256", "artifacts", "icon_sha256 <> ''"},
		{"log_sha256", "builds", "log_sha256 <> '' AND (log_deleted_at IS NULL OR log_deleted_at >= ?)"},
		{"tests_sha256", "build_records", "tests_sha256 <> ''"},
	}
}
