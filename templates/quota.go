package templates

import (
	"strconv"

	"github.com/oore-ci/oore/app/core"
)

// QuotaFields are the form of a project's limits as they are now.
func QuotaFields(q core.Quota) []RetentionField {
	number := func(n int) Field { return Field{Value: strconv.Itoa(n)} }
	size := func(n int64) Field { return Field{Value: strconv.FormatInt((n+Gigabyte-1)/Gigabyte, 10)} }
	return []RetentionField{
		{"max_concurrent", "Builds at once", "The others wait, and leave what is free to other projects.", number(q.MaxConcurrent)},
		{"max_queued", "Builds that wait", "What comes beyond is refused; the commit says so.", number(q.MaxQueued)},
		{"minutes_per_day", "Minutes of builds a day", "Of those asked for in the last 24 hours. Then what comes is refused.", number(q.MinutesPerDay)},
		{"logs_bytes", "Logs, in GiB", "Compressed, as they are stored. The oldest go first, but not what retention protects.", size(q.LogsBytes)},
		{"artifacts_bytes", "Files of builds, in GiB", "The oldest go first, but not what retention protects.", size(q.ArtifactsBytes)},
	}
}
