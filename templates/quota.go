package templates

import "github.com/oore-ci/oore/app/core"

// QuotaFields are the form of a project's limits as they are now.
func QuotaFields(q core.Quota) []RetentionField {
	return []RetentionField{
		numberField("max_concurrent", "Builds at once", "The others wait, and leave what is free to other projects.", q.MaxConcurrent),
		numberField("max_queued", "Builds that wait", "What comes beyond is refused; the commit says so.", q.MaxQueued),
		numberField("minutes_per_day", "Minutes of builds a day", "Of those asked for in the last 24 hours. Then what comes is refused.", q.MinutesPerDay),
		sizeField("logs_bytes", "Logs, in GiB", "Compressed, as they are stored. The oldest go first, but not what retention protects.", q.LogsBytes),
		sizeField("artifacts_bytes", "Files of builds, in GiB", "The oldest go first, but not what retention protects.", q.ArtifactsBytes),
	}
}
