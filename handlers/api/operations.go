package api

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

const (
	get    = fiber.MethodGet
	post   = fiber.MethodPost
	put    = fiber.MethodPut
	patch  = fiber.MethodPatch
	remove = fiber.MethodDelete
)

// groups is every operation. A test holds it against the route table, both ways.
func groups() []group {
	return []group{
		{"Projects", "What is built, and who is told.", projectOperations()},
		{"Pipelines", "What a build runs, and what starts one.", pipelineOperations()},
		{"Builds", "Builds, their logs and the queue.", buildOperations()},
		{"Artifacts", "What builds made, and links to it.", artifactOperations()},
		{"Deliveries", "What forges and chats sent, and what came of it.", deliveryOperations()},
		{"Integrations", "The forges that are connected.", integrationOperations()},
		{"Accounts", "Users, members, tokens, sessions and the audit log.", accountOperations()},
		{"Runners", "The machines that build.", runnerOperations()},
		{"Jobs", "How a runner speaks with its server. Both are of one version; nothing is promised between versions.", jobOperations()},
		{"Webhooks", "Where forges and Slack send to.", hookOperations()},
		{"System", "The server itself.", systemOperations()},
	}
}

func projectOperations() []operation {
	return []operation{
		{method: get, path: "/v1/projects", id: "listProjects", summary: "List projects", parameters: paged(), answers: ok(listed{"projects", projectJSON{}})},
		{
			method: post, path: "/v1/projects", id: "createProject", summary: "Create a project",
			text: "For owners and admins. For a repository of a forge `full_name` is enough: the server asks the forge for the rest.",
			in:   createProjectBody{}, needs: []string{"name"}, answers: made(projectJSON{}),
			codes: []string{"400 " + core.CodeRepositoryUnknown, "409 " + core.CodeNameTaken}, errors: []int{404},
		},
		{
			method: get, path: "/v1/search", id: "search", summary: "Find projects, pipelines and builds", text: "Up to eight of each: by a name, a number (`142`, `shop 142`) or the first digits of a commit.",
			parameters: []object{required(queryString("q", "The text."))}, answers: ok(foundJSON{}),
		},
		{method: get, path: "/v1/projects/{id}", id: "getProject", summary: "Get a project", answers: ok(projectJSON{})},
		{
			method: patch, path: "/v1/projects/{id}", id: "updateProject", summary: "Change a project", text: "What is left out stays as it is. `quota` is for owners and admins, and is set as a whole; 0 is no limit.",
			in: updateProjectBody{}, answers: ok(projectJSON{}), codes: []string{"409 " + core.CodeNameTaken},
		},
		{method: remove, path: "/v1/projects/{id}", id: "deleteProject", summary: "Delete a project and all that is of it", answers: nothing()},
		{method: get, path: "/v1/projects/{id}/secrets", id: "listSecrets", summary: "List a project's secrets", text: "All but the values, which nobody is shown.", parameters: paged(), answers: ok(listed{"secrets", secretJSON{}})},
		{
			method: put, path: "/v1/projects/{id}/secrets/{name}", id: "setSecret", summary: "Make or replace a secret",
			text: "The value has from 4 characters to 64 KiB.", in: setSecretBody{}, needs: []string{"value"}, answers: ok(secretJSON{}),
		},
		{method: remove, path: "/v1/projects/{id}/secrets/{name}", id: "deleteSecret", summary: "Delete a secret", answers: nothing()},
		{method: get, path: "/v1/projects/{id}/schedules", id: "listSchedules", summary: "List what builds by itself", parameters: paged(), answers: ok(listed{"schedules", scheduleJSON{}})},
		{
			method: post, path: "/v1/projects/{id}/schedules", id: "createSchedule", summary: "Build at times of a cron expression",
			in: scheduleBody{}, needs: []string{"name", "pipeline_id", "cron"}, answers: made(scheduleJSON{}),
		},
		{
			method: patch, path: "/v1/projects/{id}/schedules/{schedule_id}", id: "updateSchedule", summary: "Change a schedule", text: "What is left out stays as it is.",
			in: scheduleBody{}, answers: ok(scheduleJSON{}),
		},
		{method: remove, path: "/v1/projects/{id}/schedules/{schedule_id}", id: "deleteSchedule", summary: "Delete a schedule", answers: nothing()},
		{method: get, path: "/v1/projects/{id}/members", id: "listMembers", summary: "List a project's members", parameters: paged(), answers: ok(listed{"members", memberJSON{}})},
		{
			method: put, path: "/v1/projects/{id}/members/{user_id}", id: "setMember", summary: "Make somebody a member, or change their role",
			text: "The role is maintainer, developer or viewer.", in: roleBody{}, needs: []string{"role"}, answers: ok(memberJSON{}),
		},
		{method: remove, path: "/v1/projects/{id}/members/{user_id}", id: "deleteMember", summary: "Take somebody out of a project", answers: nothing()},
		{method: get, path: "/v1/projects/{id}/notifications", id: "listNotifications", summary: "List who is told of a project's builds", parameters: paged(), answers: ok(listed{"notifications", notificationJSON{}})},
		{
			method: post, path: "/v1/projects/{id}/notifications", id: "createNotification", summary: "Tell somebody of a project's builds",
			text: "A signing secret that was made is shown in this answer alone.", in: notificationBody{}, needs: []string{"kind", "target"}, answers: made(notificationJSON{}),
		},
		{
			method: patch, path: "/v1/notifications/{id}", id: "updateNotification", summary: "Change who is told", text: "What is left out stays as it is.",
			in: notificationBody{}, answers: ok(notificationJSON{}),
		},
		{method: remove, path: "/v1/notifications/{id}", id: "deleteNotification", summary: "Tell them no more", answers: nothing()},
		{
			method: post, path: "/v1/notifications/{id}/test", id: "testNotification", summary: "Send a message now",
			answers: ok(notificationJSON{}), codes: []string{"400 not_delivered"},
		},
	}
}

func pipelineOperations() []operation {
	taken := []string{"409 " + core.CodeNameTaken, "409 " + core.CodeContextTaken}
	return []operation{
		{method: get, path: "/v1/projects/{id}/pipelines", id: "listPipelines", summary: "List a project's pipelines", parameters: paged(), answers: ok(listed{"pipelines", pipelineJSON{}})},
		{
			method: post, path: "/v1/projects/{id}/pipelines", id: "createPipeline", summary: "Create a pipeline",
			text: "`execution_config` counts where the commit has no configuration of its own.", in: pipelineBody{}, needs: []string{"name"},
			answers: made(pipelineJSON{}), codes: taken,
		},
		{
			method: post, path: "/v1/pipelines/validate", id: "validateWorkflow", summary: "Check a `.oore.yaml`", text: "Every problem, with line and column; or the steps that it comes to. Of the text in `content`, or of the file that a project's repository has at `ref`, a branch, a tag or a full SHA; without it at the project's branch.",
			in: validateBody{}, answers: ok(validationJSON{}), errors: []int{404},
			codes: []string{"400 " + core.CodeInvalidRef, "400 " + core.CodeRepositoryUnknown, "400 " + core.ReasonConfigMissing},
		},
		{method: get, path: "/v1/pipelines/{id}", id: "getPipeline", summary: "Get a pipeline", answers: ok(pipelineJSON{})},
		{
			method: patch, path: "/v1/pipelines/{id}", id: "updatePipeline", summary: "Change a pipeline", text: "What is left out stays as it is.",
			in: pipelineBody{}, answers: ok(pipelineJSON{}), codes: taken,
		},
		{method: remove, path: "/v1/pipelines/{id}", id: "deletePipeline", summary: "Delete a pipeline and its builds", answers: nothing()},
	}
}

func deliveryOperations() []operation {
	return []operation{
		{
			method: get, path: "/v1/deliveries", id: "listDeliveries", summary: "List what was delivered, newest first",
			parameters: paged(
				queryChoice("provider", "Only those of one sender.", core.ProviderGitHub, core.ProviderGitLab, core.ProviderGit, core.ProviderSlack),
				queryChoice("status", "Only those in one state.", core.DeliveryReceived, core.DeliveryProcessed, core.DeliveryIgnored, core.DeliveryFailed),
				queryString("repository", "Only those of one repository, by its full name."), queryString("sha", "Only those about one commit."),
			),
			answers: ok(listed{"deliveries", deliveryJSON{}}),
		},
		{method: get, path: "/v1/deliveries/{id}", id: "getDelivery", summary: "Get a delivery, with the verdict on each pipeline", answers: ok(deliveryJSON{})},
		{method: post, path: "/v1/deliveries/{id}/redeliver", id: "redeliver", summary: "Process a delivery again", answers: ok(deliveryJSON{})},
		{
			method: post, path: "/v1/deliveries/{id}/evaluate", id: "evaluateDelivery", summary: "What a delivery would come to now", text: "Nothing is stored or started.",
			answers: ok(deliveryJSON{}),
		},
		{
			method: post, path: "/v1/deliveries/{id}/approve", id: "approveDelivery", summary: "Let a fork's commit be built", text: "By its full id: what is pushed later needs an approval of its own.",
			in: approveBody{}, needs: []string{"sha"}, answers: ok(deliveryJSON{}),
			codes: []string{"400 " + core.CodeSHARequired, "403 " + core.CodeSelfApprove, "409 " + core.CodeNothingToApprove, "409 " + core.CodeSHAStale, "409 pr_closed"},
		},
		{
			method: get, path: "/v1/why", id: "why", summary: "Why a commit was or was not built",
			parameters: []object{
				required(queryString("repo", "Full name, host and full name, or id of the repository.")), required(queryString("sha", "The commit.")),
				queryString("provider", "Narrows a name to one forge."),
			},
			answers: ok(whyJSON{}), errors: []int{404},
		},
		{
			method: get, path: "/v1/commands", id: "listCommands", summary: "The chat commands, and how a line may go on",
			parameters: []object{queryString("line", "What is written so far."), queryChoice("door", "Where it is written.", core.DoorForge, core.DoorSlack)},
			answers:    ok(chatCommandsJSON{}), errors: []int{404},
		},
	}
}

func hookOperations() []operation {
	hook := media{fiber.MIMEApplicationJSON: object{"schema": object{"type": "object", "description": "As the forge sends it, up to 25 MiB."}}}
	form := media{fiber.MIMEApplicationForm: object{"schema": object{"type": "object", "description": "As Slack sends it, up to 1 MiB."}}}
	return []operation{
		{
			method: post, path: "/v1/webhooks/github", id: "githubWebhook", summary: "Take an event of GitHub", text: "It is stored before it is answered; a repeat is answered as such.",
			door: forGitHub, in: hook, parameters: []object{inHeader("X-GitHub-Delivery", "GitHub's id of the delivery."), inHeader("X-GitHub-Event", "The kind of event.")},
			answers: ok(receivedJSON{}), codes: []string{"400 missing_delivery_id", "401 missing_signature", "401 invalid_signature", "404 not_configured"},
		},
		{
			method: post, path: "/v1/webhooks/gitlab", id: "gitlabWebhook", summary: "Take an event of GitLab", text: "It is stored before it is answered; a repeat is answered as such.",
			door: forGitLab, in: hook, parameters: []object{inHeader("X-Gitlab-Event", "The kind of event."), inHeader("Idempotency-Key", "Told apart by this, or by X-Gitlab-Event-UUID and the body.")},
			answers: ok(receivedJSON{}), codes: []string{"401 missing_token", "401 invalid_token", "401 invalid_signature", "404 not_configured"},
		},
		{
			method: post, path: "/v1/slack/commands", id: "slackCommand", summary: "Take a slash command", door: forSlack, in: form,
			answers: ok(slackJSON{}), codes: []string{"400 missing_delivery_id", "401 missing_signature", "401 invalid_signature", "404 not_configured"},
		},
		{
			method: post, path: "/v1/slack/interactions", id: "slackInteraction", summary: "Take the press of a button", door: forSlack, in: form,
			answers: ok(nil), codes: []string{"400 missing_delivery_id", "401 missing_signature", "401 invalid_signature", "404 not_configured"},
		},
	}
}

// receivedJSON is what the forges' doors answer.
type receivedJSON struct {
	OK         bool   `json:"ok"`
	Duplicate  bool   `json:"duplicate,omitempty"`
	DeliveryID string `json:"delivery_id,omitempty"`
}

// slackJSON is what the door of slash commands answers.
type slackJSON struct {
	Text         string `json:"text"`
	ResponseType string `json:"response_type,omitempty"`
}

func systemOperations() []operation {
	type fineJSON struct {
		OK bool `json:"ok"`
	}
	return []operation{
		{method: get, path: "/healthz", id: "health", summary: "Whether the process lives", door: forAll, answers: ok(fineJSON{})},
		{method: get, path: "/readyz", id: "readiness", summary: "Whether it can serve", text: "503 while the database takes no change or has another schema, the key opens nothing, files cannot be stored, the database's disk has less than 256 MiB free, work in the background stands still, or the server was told to stop. Why is told as /metrics is: on the machine itself, and to admins and holders of OORE_METRICS_TOKEN.", door: forAll, answers: ok(fineJSON{})},
		{
			method: get, path: "/metrics", id: "metrics", summary: "Measures for Prometheus", text: "Open from this machine; from elsewhere for owners, admins and the bearer of `OORE_METRICS_TOKEN`.",
			answers: []answerOf{{status: http.StatusOK, more: textOf("In Prometheus' own form.", fiber.MIMETextPlain)}},
		},
		{
			method: get, path: "/badges/{project_id}/{pipeline_id}.svg", id: "badge", summary: "How a branch stands, as a picture", text: "Open to everybody if the project says so; the pipeline by its id or slug.",
			door: forAll, parameters: []object{queryString("branch", "Which branch; else the default branch.")},
			answers: []answerOf{{status: http.StatusOK, more: object(bytesOf("The picture.", "image/svg+xml"))}, {status: http.StatusNotModified}},
		},
		{method: get, path: "/v1/openapi.json", id: "openapi", summary: "This file", door: forAll, answers: []answerOf{{status: http.StatusOK, more: object{fiber.MIMEApplicationJSON: object{"schema": object{"type": "object"}}}}}},
		{method: get, path: "/v1/settings/instance", id: "instance", summary: "How the server is set", text: "Without secrets; for owners and admins.", answers: ok(instanceJSON{})},
		{method: get, path: "/v1/settings/storage", id: "storage", summary: "What the server's files take", text: "For owners and admins; takes up to five seconds. `complete` is false where these were too few.", answers: ok(storageJSON{})},
		{method: get, path: "/v1/settings/system", id: "system", summary: "What `oore doctor` finds", text: "For owners and admins; takes up to ten seconds.", answers: ok(CheckupJSON{})},
		{method: get, path: "/v1/settings/retention", id: "retention", summary: "How long things are kept", text: "For owners and admins. 0 is no limit.", answers: ok(retentionJSON{})},
		{
			method: patch, path: "/v1/settings/retention", id: "updateRetention", summary: "Change how long things are kept",
			text: "For owners and admins. What is left out stays as it is; 0 is no limit.", in: retentionBody{}, answers: ok(retentionJSON{}),
		},
		{
			method: post, path: "/v1/settings/retention/preview", id: "previewRetention", summary: "What retention would delete now",
			text: "For owners and admins, with the fields that the settings have. It changes nothing.", in: retentionBody{}, answers: ok(previewJSON{}),
		},
		{
			method: get, path: "/v1/settings/system/challenge", id: "challenge", summary: "Answer this installation's own question", text: "By it a server finds out whether its public address leads to it. Nobody else can ask.",
			door: forAll, parameters: []object{queryString("question", "The question.")},
			answers: []answerOf{{status: http.StatusOK, more: textOf("Two events: answer and done.", "text/event-stream")}}, errors: []int{404},
		},
		{method: post, path: "/v1/auth/logout", id: "signOut", summary: "End the session that asks", answers: ok(fineJSON{})},
	}
}
