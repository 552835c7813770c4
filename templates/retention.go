package templates

import (
	"fmt"
	"io"
	"strconv"

	"github.com/oore-ci/oore/app/core"
)

// Gigabyte is the unit in which quotas are shown.
const Gigabyte = 1 << 30

// RetentionView is the form for how long things are kept.
type RetentionView struct {
	Page
	Fields  []RetentionField
	Preview *core.Reclaims // what it would delete; nil: nobody asked
}

// RetentionField is one number of it, under the API's name.
type RetentionField struct {
	Name, Label, Hint string
	Field
	Size bool // of bytes, shown in GiB
}

func sizeField(name, label, hint string, bytes int64) RetentionField {
	exact := strconv.FormatFloat(float64(bytes)/Gigabyte, 'f', -1, 64)
	return RetentionField{name, label, hint, Field{Value: exact}, true}
}

func numberField(name, label, hint string, n int) RetentionField {
	return RetentionField{name, label, hint, Field{Value: strconv.Itoa(n)}, false}
}

// RetentionFields are the form's fields as they are now.
func RetentionFields(r core.Retention) []RetentionField {
	return []RetentionField{
		numberField("builds_days", "Builds, in days", "After their end, with steps, logs and files.", r.BuildsDays),
		numberField("builds_count", "Builds, newest of each pipeline", "", r.BuildsCount),
		numberField("logs_days", "Logs, in days", "After their build\u2019s end.", r.LogsDays),
		sizeField("logs_bytes", "All logs together, in GiB", "Compressed, as they are stored. The oldest go first.", r.LogsBytes),
		numberField("artifacts_days", "Files of builds, in days", "After they were made.", r.ArtifactsDays),
		sizeField("artifacts_bytes", "All files together, in GiB", "The oldest go first.", r.ArtifactsBytes),
		numberField("deliveries_days", "Deliveries, in days", "What webhooks and commands brought; at least 7.", r.DeliveriesDays),
		numberField("audit_days", "Audit log, in days", "At least 30.", r.AuditDays),
	}
}

// WouldDelete says in a sentence what the settings would delete now.
func (v RetentionView) WouldDelete() string {
	p := v.Preview
	return fmt.Sprintf("These settings would delete now %d builds (%s), %d logs (%s), %d files (%s), %d deliveries and %d entries of the audit log.",
		p.Builds.Count, core.HumanSize(p.Builds.Bytes), p.Logs.Count, core.HumanSize(p.Logs.Bytes), p.Artifacts.Count, core.HumanSize(p.Artifacts.Bytes), p.Deliveries.Count, p.Audit.Count)
}

// Retention writes the form for how long things are kept.
func (s *Set) Retention(w io.Writer, v RetentionView) error {
	return s.render(w, "retention", "layout", v)
}
