package api

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

// logJSON is a line of a log as appendRecord writes it.
type logJSON struct {
	Sequence int64          `json:"sequence"`
	Content  string         `json:"content"`
	Stream   core.LogStream `json:"stream"`
	Step     string         `json:"step"`
	Time     float64        `json:"time"`
	Partial  bool           `json:"partial,omitempty"`
}

func buildQuery(more ...object) []object {
	return paged(append(more,
		queryUUID("pipeline_id", "Only those of one pipeline."), queryString("status", "Only those in these states, parted by commas."),
		queryString("branch", "Only those of one branch."), queryString("commit_sha", "Only those of one commit."),
		queryChoice("trigger_type", "Only those that were started so.", triggerTypes()...),
	)...)
}

func buildOperations() []operation {
	return []operation{
		{
			method: post, path: "/v1/projects/{id}/builds", id: "triggerBuild", summary: "Start a build", text: "It waits as `queued` for a runner. Without a branch it is the repository's default branch.",
			in: triggerBuildBody{}, needs: []string{"pipeline_id"}, answers: ok(buildJSON{}),
			codes: []string{"400 " + core.CodeInvalidRef, "400 " + core.CodeRepositoryUnknown, "409 " + core.CodePipelineDisabled, "409 " + core.CodeConcurrency, "409 " + core.CodeMinutesUsed},
		},
		{method: get, path: "/v1/projects/{id}/builds", id: "listProjectBuilds", summary: "List a project's builds, newest first", parameters: buildQuery(), answers: ok(listed{"builds", buildJSON{}})},
		{
			method: get, path: "/v1/builds", id: "listBuilds", summary: "List all builds, newest first",
			parameters: buildQuery(queryUUID("project_id", "Only those of one project.")), answers: ok(listed{"builds", buildJSON{}}),
		},
		{method: get, path: "/v1/builds/{id}", id: "getBuild", summary: "Get a build, with its events and steps", answers: ok(buildDetailJSON{})},
		{
			method: get, path: "/v1/builds/{id}/tests", id: "listTests", summary: "List a build's tests", text: "At most 10,000 are kept; of those that failed, the build itself has the first with their messages.",
			parameters: paged(
				queryChoice("status", "Only those that came to this.", core.TestStatuses()...), queryString("q", "Only those with this in their name or suite."),
				queryChoice("sort", "Left out: the failed first, and of those the slowest.", core.TestsSlowest, core.TestsNamed),
			), answers: ok(listed{"tests", testJSON{}}),
		},
		{method: post, path: "/v1/builds/{id}/cancel", id: "cancelBuild", summary: "Cancel a build", answers: ok(buildJSON{}), codes: []string{"409 " + core.CodeInvalidTransition}},
		{
			method: post, path: "/v1/builds/{id}/rerun", id: "rerunBuild", summary: "Run a build again", text: "As a new build of the same commit.",
			answers: ok(buildJSON{}), codes: []string{"400 " + core.CodeInvalidRef, "400 " + core.CodeRepositoryUnknown, "409 " + core.CodeInvalidTransition, "409 " + core.CodePipelineDisabled, "409 " + core.CodeConcurrency, "409 " + core.CodeMinutesUsed},
		},
		{method: post, path: "/v1/builds/{id}/first", id: "putBuildFirst", summary: "Put a waiting build before the others", answers: ok(buildJSON{}), codes: []string{"409 " + core.CodeInvalidTransition}},
		{
			method: post, path: "/v1/queue/pause", id: "pauseQueue", summary: "Pause the queue", text: "No runner is given a build until it is resumed; what runs goes on. Answers with the queue.",
			parameters: paged(), answers: ok(queueJSON{}),
		},
		{
			method: post, path: "/v1/queue/resume", id: "resumeQueue", summary: "Resume the queue", text: "Answers with the queue.",
			parameters: paged(), answers: ok(queueJSON{}),
		},
		{
			method: get, path: "/v1/queue", id: "getQueue", summary: "What waits and what runs", text: "Where each build stands, why, and when it is likely to begin. The totals count builds of hidden projects too.",
			parameters: paged(), answers: ok(queueJSON{}),
		},
		{
			method: get, path: "/v1/builds/{id}/logs", id: "getLog", summary: "Read a log", text: "In JSON a page; as text/plain the bytes as the build printed them.",
			parameters: logWindow(queryChoice("system", "As text: whether with our own lines.", "true", "false")),
			answers:    okAlso(listed{"logs", logJSON{}}, textOf("The bytes.", fiber.MIMETextPlain)),
		},
		{
			method: get, path: "/v1/builds/{id}/logs/search", id: "searchLog", summary: "Find a text in a log", text: "`total` counts the lines of the whole log.",
			parameters: logWindow(required(queryString("q", "The text.")), queryChoice("case", "Whether letters must have the same case; they need not otherwise.", "true", "false")), answers: ok(listed{"logs", logJSON{}}),
		},
		{
			method: get, path: "/v1/builds/{id}/logs/stream", id: "streamLog", summary: "Follow a log", door: forStreams,
			text: "Server-sent events: `log` with a line as in the JSON log and its sequence as id, `status` with the build, `done` at the end. " +
				"`reconnect` is the last event of a server that stops: connect anew, and go on where you were. Starts at the first line, or after Last-Event-ID, or after after_sequence. A comment every 15 seconds.",
			parameters: []object{queryString("after_sequence", "Only what follows this line."), inHeader("Last-Event-ID", "The sequence of the last line that arrived.")},
			answers:    []answerOf{{status: http.StatusOK, more: textOf("The events.", "text/event-stream")}},
		},
		{
			method: post, path: "/v1/builds/{id}/stream-token", id: "createStreamToken", summary: "Make a ticket for one log stream",
			text: "For an EventSource of another origin, which sends neither header nor cookie; it lives five minutes.", answers: made(streamTokenJSON{}),
		},
	}
}

func artifactOperations() []operation {
	file := []answerOf{
		{status: http.StatusOK, more: object(bytesOf("The file.", fiber.MIMEOctetStream, "application/vnd.android.package-archive"))},
		{status: http.StatusPartialContent, more: object(bytesOf("The part of it that was asked for.", fiber.MIMEOctetStream, "application/vnd.android.package-archive"))},
		{status: http.StatusFound}, // to the bucket, where the operator wants that
		{status: http.StatusNotModified},
	}
	gone := "410 " + core.CodeArtifactGone
	return []operation{
		{method: get, path: "/v1/builds/{id}/artifacts", id: "listBuildArtifacts", summary: "List what a build made", parameters: paged(), answers: ok(listed{"artifacts", artifactJSON{}})},
		{method: get, path: "/v1/projects/{id}/artifacts", id: "listProjectArtifacts", summary: "List what a project's builds made", parameters: paged(), answers: ok(listed{"artifacts", artifactJSON{}})},
		{method: get, path: "/v1/artifacts/{id}", id: "getArtifact", summary: "Get an artifact", answers: ok(artifactJSON{})},
		{
			method: get, path: "/v1/artifacts/{id}/download", id: "downloadArtifact", summary: "Load the file", answers: file,
			parameters: []object{inHeader(fiber.HeaderRange, "One range of bytes."), inHeader(fiber.HeaderIfNoneMatch, "The ETag of what is there already.")},
			codes:      []string{gone, "416 " + core.CodeInvalidInput},
		},
		{
			method: get, path: "/v1/artifacts/{id}/icon", id: "getIcon", summary: "The icon of what the file installs", answers: []answerOf{{status: http.StatusOK, more: object(bytesOf("A PNG.", "image/png"))}},
			codes: []string{gone},
		},
		{
			method: post, path: "/v1/artifacts/{id}/download-link", id: "createDownloadLink", summary: "Make an address at which anybody may load the file",
			text: "It lives 300 seconds, or `expires_in`, at most 3600.", in: downloadLinkBody{}, optional: true, answers: made(downloadLinkJSON{}), codes: []string{gone},
		},
		{method: get, path: "/v1/artifacts/{id}/share-links", id: "listShareLinks", summary: "List the links to an artifact's install page", parameters: paged(), answers: ok(listed{"share_links", shareLinkJSON{}})},
		{
			method: post, path: "/v1/artifacts/{id}/share-links", id: "createShareLink", summary: "Make a link to an artifact's install page",
			text: "The URL is in this answer alone. It lives a day, or `expires_in` seconds, from 60 to 604800.", in: shareLinkBody{}, optional: true, answers: made(shareLinkJSON{}), codes: []string{gone},
		},
		{method: remove, path: "/v1/share-links/{id}", id: "deleteShareLink", summary: "End a link", answers: nothing()},
	}
}
