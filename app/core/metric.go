package core

import (
	"context"
	"slices"
	"time"
)

// MetricKind says how a metric moves.
type MetricKind string

// The kinds of metrics.
const (
	MetricCounter   MetricKind = "counter"   // only goes up; Note adds
	MetricGauge     MetricKind = "gauge"     // goes up and down; Note adds, a Reading sets
	MetricHistogram MetricKind = "histogram" // Note observes one value
)

// Metric is something that is counted or measured while the server works. Its labels
// take few values: never a repository, a branch, a commit or a person.
type Metric struct {
	Name    string // with the prefix oore_
	Kind    MetricKind
	Help    string
	Labels  []string
	Buckets []float64 // of a histogram
}

// Meter takes what happens, as it happens. Implementations are safe for concurrent use
// and never block.
type Meter interface {
	// Note adds value to a counter or gauge, or observes it in a histogram. Labels are
	// the values of the metric's, in its order.
	Note(metric string, value float64, labels ...string)
}

// NoMeter is the meter of a house that nobody measures.
type NoMeter struct{}

// Note is Meter's.
func (NoMeter) Note(string, float64, ...string) {}

// Reading is the value of a gauge at the moment somebody asks.
type Reading struct {
	Metric string
	Value  float64
	Labels []string
}

// Names of the metrics.
const (
	MetricWebhooks        = "oore_webhook_received_total"
	MetricWebhookAck      = "oore_webhook_ack_seconds"
	MetricInboxDepth      = "oore_inbox_depth"
	MetricInboxOldest     = "oore_inbox_oldest_seconds"
	MetricSurveys         = "oore_reconcile_runs_total"
	MetricRecovered       = "oore_reconcile_recovered_total"
	MetricHooksOff        = "oore_forge_hook_disabled"
	MetricQueueDepth      = "oore_queue_depth"
	MetricQueueWait       = "oore_queue_wait_seconds"
	MetricQueueEligible   = "oore_queue_oldest_eligible_seconds"
	MetricClaims          = "oore_claims_total"
	MetricLive            = "oore_attempts_live"
	MetricFinished        = "oore_builds_finished_total"
	MetricDuration        = "oore_build_duration_seconds"
	MetricLost            = "oore_attempts_lost_total"
	MetricFenced          = "oore_fence_rejections_total"
	MetricRunners         = "oore_runner_sessions"
	MetricBeatAge         = "oore_runner_heartbeat_age_seconds_max"
	MetricSlots           = "oore_runner_slots"
	MetricReaper          = "oore_reaper_last_success_timestamp_seconds"
	MetricReaperBrake     = "oore_reaper_brake_tripped_total"
	MetricExtended        = "oore_lease_extended_on_start_total"
	MetricStatusLag       = "oore_status_lag_seconds"
	MetricStatusPending   = "oore_status_pending"
	MetricStatusOldest    = "oore_status_oldest_seconds"
	MetricOutbound        = "oore_outbound_requests_total"
	MetricRateLeft        = "oore_outbound_ratelimit_remaining"
	MetricBreakers        = "oore_outbound_breaker_open"
	MetricLogBytes        = "oore_log_bytes_total"
	MetricLogCut          = "oore_log_truncated_total"
	MetricLogConflicts    = "oore_log_append_conflicts_total"
	MetricLogFlush        = "oore_log_flush_seconds"
	MetricStreams         = "oore_sse_connections"
	MetricStreamLag       = "oore_sse_lag_bytes_max"
	MetricStreamsDropped  = "oore_sse_dropped_total"
	MetricTransactions    = "oore_db_tx_seconds"
	MetricBusy            = "oore_db_busy_total"
	MetricBlobOps         = "oore_blob_ops_total"
	MetricBlobBytes       = "oore_blob_bytes_total"
	MetricPoolBusy        = "oore_db_pool_in_use"
	MetricPoolWaited      = "oore_db_pool_waited_seconds"
	MetricWAL             = "oore_sqlite_wal_bytes"
	MetricDiskFree        = "oore_disk_free_bytes"
	MetricDiskSize        = "oore_disk_size_bytes"
	MetricKills           = "oore_child_kill_total"
	MetricWorkspaces      = "oore_workspace_bytes"
	MetricMasked          = "oore_secrets_masked_total"
	MetricOrphans         = "oore_orphans_found_total"
	MetricAuthFailures    = "oore_auth_failures_total"
	MetricAudit           = "oore_audit_rows_total"
	MetricRequests        = "oore_http_requests_total"
	MetricRequestTime     = "oore_http_request_seconds"
	MetricWorkerFaults    = "oore_worker_faults_total"
	MetricBuildInfo       = "oore_build_info"
	MetricSpans           = "oore_trace_spans_total"
	MetricReadingsFailing = "oore_readings_failed"
)

var metrics = []Metric{
	{MetricWebhooks, MetricCounter, "Webhooks and Slack requests that arrived, by what became of them at the door.", []string{"provider", "event", "result"}, nil},
	{MetricWebhookAck, MetricHistogram, "Time from a webhook's arrival to its answer.", []string{"provider"}, []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10}},
	{MetricInboxDepth, MetricGauge, "Deliveries that wait to be decided (received), or were given up (failed).", []string{"state"}, nil},
	{MetricInboxOldest, MetricGauge, "Age of the oldest delivery that waits to be decided.", nil, nil},
	{MetricSurveys, MetricCounter, "Looks at a forge for what was not announced, by how they went.", []string{"provider", "result"}, nil},
	{MetricRecovered, MetricCounter, "Events that never arrived and were found by asking the forge.", []string{"provider"}, nil},
	{MetricHooksOff, MetricGauge, "Repositories whose webhook does not work and waits for somebody, as this server last saw.", []string{"provider"}, nil},
	{MetricQueueDepth, MetricGauge, "Builds that wait, by why they do.", []string{"reason"}, nil},
	{MetricQueueWait, MetricHistogram, "Time that builds waited before a runner took them.", nil, []float64{0.5, 1, 2.5, 5, 15, 30, 60, 120, 300, 900, 3600}},
	{MetricQueueEligible, MetricGauge, "Age of the oldest build that waits although a slot for it is free.", nil, nil},
	{MetricClaims, MetricCounter, "Looks at the queue by runners.", []string{"result"}, nil},
	{MetricLive, MetricGauge, "Builds that runners hold now.", nil, nil},
	{MetricFinished, MetricCounter, "Builds that ended.", []string{"state", "reason"}, nil},
	{MetricDuration, MetricHistogram, "Time that builds ran.", []string{"state"}, []float64{5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200}},
	{MetricLost, MetricCounter, "Builds taken back from runners that went away.", []string{"cause"}, nil},
	{MetricFenced, MetricCounter, "Calls of runners that no longer held their build.", []string{"call"}, nil},
	{MetricRunners, MetricGauge, "Runners, by whether they take builds.", []string{"state"}, nil},
	{MetricBeatAge, MetricGauge, "Age of the oldest last sign of life among enabled runners.", nil, nil},
	{MetricSlots, MetricGauge, "Slots of runners that are there: all, and those in use.", []string{"state"}, nil},
	{MetricReaper, MetricGauge, "When this server last looked for lost builds with success.", nil, nil},
	{MetricReaperBrake, MetricCounter, "Times that so many leases had ended at once that this server gave all of them one more term.", nil, nil},
	{MetricExtended, MetricCounter, "Times this server gave all runners time to be heard of: at its start, and after a pause in which nobody could look at the leases.", nil, nil},
	{MetricStatusLag, MetricHistogram, "Time from a build's change to the forge being told.", nil, []float64{0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30, 60, 120, 300, 900, 3600}},
	{MetricStatusPending, MetricGauge, "Statuses, comments and messages that are not sent yet, and files of pipelines that are not taken over yet.", []string{"kind"}, nil},
	{MetricStatusOldest, MetricGauge, "Time since the oldest change of a build that a commit's status does not show yet; 0 while all is told.", nil, nil},
	{MetricOutbound, MetricCounter, "Statuses, comments and messages sent, by how it went.", []string{"host_class", "op", "code"}, nil},
	{MetricRateLeft, MetricGauge, "Calls that a forge still grants, of the account that has the fewest left.", []string{"provider"}, nil},
	{MetricBreakers, MetricGauge, "Accounts at a provider that keeps Oore out for a while.", []string{"provider"}, nil},
	{MetricLogBytes, MetricCounter, "Bytes of logs taken from runners.", nil, nil},
	{MetricLogCut, MetricCounter, "Logs of builds here that were cut: past the limit, or while the server was away.", []string{"reason"}, nil},
	{MetricLogConflicts, MetricCounter, "Pieces of logs that were refused because they do not follow what is stored.", nil, nil},
	{MetricLogFlush, MetricHistogram, "Time to store a piece of a log.", nil, []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5}},
	{MetricStreams, MetricGauge, "Event streams that are sent now: live logs and those of pages.", nil, nil},
	{MetricStreamLag, MetricGauge, "Most bytes that are ready for one reader of an event stream and that it has not taken.", nil, nil},
	{MetricStreamsDropped, MetricCounter, "Event streams that ended although their reader was there: it took nothing (stall), may not see it any more (revoked), has enough of them (limit).", []string{"reason"}, nil},
	{MetricTransactions, MetricHistogram, "Time of changes to the database, with the wait for their turn, by what they are for. oore_log_flush_seconds has those of logs.", []string{"op"}, []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5}},
	{MetricBusy, MetricCounter, "Statements that the database refused because of somebody else: a lock that did not come free, a race that was lost, too many connections.", nil, nil},
	{MetricBlobOps, MetricCounter, "Operations on the blob store; broken_off: by whoever asked, or more came than may.", []string{"op", "result"}, nil},
	{MetricBlobBytes, MetricCounter, "Bytes written to (in) and read from (out) the blob store.", []string{"dir"}, nil},
	{MetricPoolBusy, MetricGauge, "Connections to the database that this server uses now.", nil, nil},
	{MetricPoolWaited, MetricGauge, "Time that work waited for a free connection to the database, since the start; it grows where there are too few.", nil, nil},
	{MetricWAL, MetricGauge, "Size of SQLite's write-ahead log.", nil, nil},
	{MetricDiskFree, MetricGauge, "Free space of the disk of the data folder (data), of blobs in a folder (blobs) and of an SQLite database (database), with the room within its file that it fills first. On the last two something is refused when they are full.", []string{"dir"}, nil},
	{MetricDiskSize, MetricGauge, "Size of that disk.", []string{"dir"}, nil},
	{MetricKills, MetricCounter, "Processes that builds here left running and that were ended: asked (term), killed (kill), found outside (sweep), not ended (failed).", []string{"stage"}, nil},
	{MetricWorkspaces, MetricGauge, "What the folders of builds that run here take, as was last looked; nobody looks without OORE_WORKSPACE_LIMIT.", nil, nil},
	{MetricMasked, MetricCounter, "Places in what builds here printed and reported where a secret was hidden; noted at a build's end.", nil, nil},
	{MetricOrphans, MetricCounter, "Processes of builds here that nobody watched over any more.", nil, nil},
	{MetricAuthFailures, MetricCounter, "Requests refused because they did not prove who sends them.", []string{"kind"}, nil},
	{MetricAudit, MetricCounter, "Entries written to the audit log.", nil, nil},
	{MetricRequests, MetricCounter, "HTTP requests.", []string{"method", "route", "code"}, nil},
	{MetricRequestTime, MetricHistogram, "Time to answer HTTP requests; of streams, to their first byte.", []string{"method", "route"}, []float64{0.005, 0.025, 0.1, 0.5, 2.5, 10}},
	{MetricWorkerFaults, MetricCounter, "Rounds of work in the background that failed.", []string{"work"}, nil},
	{MetricBuildInfo, MetricGauge, "1, with what runs here.", []string{"version", "goversion", "db"}, nil},
	{MetricSpans, MetricCounter, "Spans that were made, sent to the collector (sent), or refused by it (failed). Of those made the rest were dropped.", []string{"result"}, nil},
	{MetricReadingsFailing, MetricGauge, "1: the database did not answer for this scrape, so gauges are missing.", nil, nil},
}

// Metrics returns the table of all metrics of the house.
func Metrics() []Metric { return slices.Clone(metrics) }

// KnownReason is a build's reason as a label: runners may send words of their own.
func KnownReason(reason string) string {
	known := []string{
		"", ReasonCommandFailed, ReasonCheckoutFailed, ReasonCommitUnknown, ReasonConfigInvalid, ReasonConfigMissing, ReasonRunnerLost, ReasonRunnerError,
		ReasonCanceledByUser, ReasonSuperseded, ReasonNotNeeded, ReasonTimedOut, ReasonExpired, ReasonRepositoryGone, ReasonRunnerShutdown,
		ReasonArtifactMissing, ReasonArtifactRefused, ReasonWorkspaceLimit, ReasonSecretMissing, ReasonSecretRefused,
	}
	if slices.Contains(known, reason) {
		return reason
	}
	return "other"
}

// MetricsStore reads what gauges show.
type MetricsStore interface {
	// ReadFigures counts what waits. It costs little, however much is stored.
	ReadFigures(ctx context.Context) (Figures, error)
}

// Figures are what waits in the store.
type Figures struct {
	Received, Failed int                // deliveries
	OldestReceived   time.Time          // zero: none waits
	Pending          map[EffectKind]int // effects that are not given up
	OldestUntold     time.Time          // change of a build whose status is among them; zero: none is
	Database         string             // its name: sqlite or postgres
	WALBytes         int64              // of SQLite
	PoolBusy         int                // connections of this process in use
	PoolWaited       time.Duration      // for one of them, by all since the start
}
