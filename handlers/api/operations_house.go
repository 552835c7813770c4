package api

import (
	"math"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

func integrationOperations() []operation {
	far := []string{"409 conflict", "410 gone"} // what a forge may answer us
	state := append([]string{"400 " + core.CodeInvalidState}, far...)
	return []operation{
		{method: get, path: "/v1/integrations", id: "listIntegrations", summary: "List the forges that are connected", answers: ok(listed{"integrations", integrationJSON{}})},
		{method: get, path: "/v1/integrations/{id}", id: "getIntegration", summary: "Get an integration", answers: ok(integrationJSON{})},
		{method: remove, path: "/v1/integrations/{id}", id: "deleteIntegration", summary: "Disconnect a forge", answers: nothing(), codes: []string{"409 conflict"}},
		{method: post, path: "/v1/integrations/{id}/sync", id: "syncIntegration", summary: "Read anew what a forge lets us see", answers: ok(integrationJSON{}), codes: far},
		{
			method: post, path: "/v1/integrations/github/start", id: "startGitHubApp", summary: "Begin to make a GitHub App", text: "The form that the person's browser is to post to GitHub.",
			in: startGitHubAppBody{}, answers: ok(appFormJSON{}), codes: far,
		},
		{
			method: post, path: "/v1/integrations/github/complete", id: "completeGitHubApp", summary: "Connect the GitHub App that was made", text: "With the code and the state that GitHub sent back.",
			in: grantedBody{}, needs: []string{"code", "state"}, answers: made(integrationJSON{}), codes: state,
		},
		{
			method: post, path: "/v1/integrations/gitlab", id: "connectGitLab", summary: "Connect a GitLab host with a token", in: connectGitLabBody{}, needs: []string{"web_url", "token"},
			answers: made(integrationJSON{}), codes: far,
		},
		{
			method: post, path: "/v1/integrations/gitlab/start", id: "startGitLabGrant", summary: "Begin to connect a GitLab host by an OAuth application",
			text: "The address at which the person's browser is to ask for access.", in: startGitLabGrantBody{}, answers: ok(grantJSON{}), codes: far, errors: []int{404},
		},
		{
			method: post, path: "/v1/integrations/gitlab/complete", id: "completeGitLabGrant", summary: "Connect the GitLab host that gave access",
			in: grantedBody{}, needs: []string{"code", "state"}, answers: made(integrationJSON{}), codes: state,
		},
		{
			method: get, path: "/v1/integration-repositories", id: "listIntegrationRepositories", summary: "List what a project can be made of",
			parameters: paged(queryUUID("integration_id", "Only those of one integration.")), answers: ok(listed{"repositories", integrationRepositoryJSON{}}),
		},
		{
			method: post, path: "/v1/integration-repositories/{id}/webhook-secret", id: "renewWebhookSecret", summary: "Make a new webhook secret for a repository",
			text: "It is shown in this answer alone.", answers: made(hookSecretJSON{}), codes: far,
		},
	}
}

func accountOperations() []operation {
	others := []string{"403 " + core.CodeCannotChangeSelf, "403 " + core.CodeCannotChangeOwner, "409 " + core.CodeLastOwner}
	return []operation{
		{method: get, path: "/v1/users/me", id: "getMe", summary: "Who asks", answers: ok(meJSON{})},
		{
			method: post, path: "/v1/auth/local/login", id: "signIn", summary: "Sign in with e-mail address and password", text: "The token of the session is a bearer token.",
			door: forAll, in: signInBody{}, needs: []string{"email", "password"}, answers: ok(newSessionJSON{}), codes: []string{"401 " + core.CodeBadCredentials},
		},
		{
			method: put, path: "/v1/users/me/password", id: "setPassword", summary: "Set one's own password", text: "All sessions end; the answer has a new one. The old password is not asked for within ten minutes of signing in.",
			in: passwordBody{}, needs: []string{"new_password"}, answers: ok(newSessionJSON{}),
		},
		{method: get, path: "/v1/users/me/identities", id: "listIdentities", summary: "List the accounts elsewhere that sign one in", parameters: paged(), answers: ok(listed{"identities", identityJSON{}})},
		{
			method: remove, path: "/v1/users/me/identities", id: "disconnectIdentity", summary: "Let an account elsewhere sign one in no more",
			parameters: []object{required(queryString("provider", "As the list names it.")), required(queryString("subject", "As the list names it."))}, answers: nothing(), codes: []string{"409 " + core.CodeLastSignIn},
		},
		{method: get, path: "/v1/users", id: "listUsers", summary: "List users", parameters: paged(), answers: ok(listed{"users", userJSON{}})},
		{
			method: post, path: "/v1/users/invite", id: "inviteUser", summary: "Make a user, and the link that signs them in once", in: inviteUserBody{}, needs: []string{"email", "role"},
			answers: made(linkedJSON{}), codes: []string{"403 " + core.CodeCannotChangeOwner, "409 " + core.CodeEmailExists}, errors: []int{404},
		},
		{method: get, path: "/v1/users/{id}", id: "getUser", summary: "Get a user", answers: ok(userJSON{})},
		{
			method: remove, path: "/v1/users/{id}", id: "disableUser", summary: "Shut a user out", text: "They stay known. Sessions, links and streams end at once.", answers: nothing(),
			codes: []string{"403 " + core.CodeCannotDeleteSelf, "403 " + core.CodeCannotDeleteOwner, "409 " + core.CodeLastOwner},
		},
		{method: patch, path: "/v1/users/{id}/role", id: "setUserRole", summary: "Change a user's role", in: roleBody{}, needs: []string{"role"}, answers: ok(userJSON{}), codes: others},
		{method: post, path: "/v1/users/{id}/enable", id: "enableUser", summary: "Let a user in again", answers: ok(userJSON{}), codes: others},
		{
			method: post, path: "/v1/users/{id}/sign-in-link", id: "renewSignInLink", summary: "Make a new sign-in link", text: "It replaces the older ones.", answers: made(linkedJSON{}),
			codes: append([]string{"409 " + core.CodeUserDisabled}, others...),
		},
		{method: get, path: "/v1/api-tokens", id: "listTokens", summary: "List API tokens", parameters: paged(), answers: ok(listed{"api_tokens", tokenJSON{}})},
		{
			method: post, path: "/v1/api-tokens", id: "createToken", summary: "Make an API token", text: "Never wider than who asks. The secret is in this answer alone.",
			in: createTokenBody{}, needs: []string{"name"}, answers: made(tokenJSON{}), errors: []int{404},
		},
		{method: remove, path: "/v1/api-tokens/{id}", id: "deleteToken", summary: "Revoke an API token", answers: nothing()},
		{
			method: get, path: "/v1/sessions", id: "listSessions", summary: "List sessions", text: "One's own; those of others for owners and admins.",
			parameters: paged(queryUUID("user_id", "Whose.")), answers: ok(listed{"sessions", sessionJSON{}}),
		},
		{method: remove, path: "/v1/sessions/{id}", id: "deleteSession", summary: "End a session", answers: nothing()},
		{
			method: get, path: "/v1/audit-logs", id: "listAudit", summary: "Who did what, newest first", text: "As text/csv, or with format=csv, all of it.",
			parameters: paged(
				queryString("actor_id", "Only what one did."), queryString("action", "Only one kind of action."), queryString("target_kind", "Only what was done to one kind of thing."),
				queryString("target_id", "Only what was done to one thing."), queryUUID("project_id", "Only what is of one project."),
				queryNumber("from", "Not before this time.", 0, 0, math.MaxInt32*100), queryNumber("to", "Before this time.", 0, 0, math.MaxInt32*100),
				queryChoice("format", "The form of the answer.", "json", "csv"),
			),
			answers: okAlso(listed{"audit_logs", auditJSON{}}, textOf("One line for each entry.", mimeCSV)),
		},
	}
}

func runnerOperations() []operation {
	return []operation{
		{method: get, path: "/v1/runners", id: "listRunners", summary: "List runners", parameters: paged(), answers: ok(listed{"runners", runnerJSON{}})},
		{
			method: post, path: "/v1/runners/register", id: "registerRunner", summary: "Make a runner known", text: "Its token is in this answer alone.",
			in: registerRunnerBody{}, needs: []string{"name", "platform"}, answers: made(registeredJSON{}), errors: []int{404},
		},
		{method: get, path: "/v1/runners/{id}", id: "getRunner", summary: "Get a runner", answers: ok(runnerJSON{})},
		{
			method: patch, path: "/v1/runners/{id}", id: "updateRunner", summary: "Change a runner", text: "`enabled: false` gives it no more builds.", in: updateRunnerBody{}, answers: ok(runnerJSON{}),
		},
		{method: remove, path: "/v1/runners/{id}", id: "deleteRunner", summary: "Forget a runner", text: "What it holds is run again.", answers: nothing(), codes: []string{"409 conflict"}},
	}
}

func jobOperations() []operation {
	const job = "/v1/runners/{id}/jobs/{build_id}"
	lease := leaseHeader()
	done := nothing()
	return []operation{
		{method: get, path: "/v1/runners/self", id: "self", summary: "Whose token it is", door: forRunners, answers: ok(selfJSON{})},
		{
			method: post, path: "/v1/runners/{id}/heartbeat", id: "heartbeat", summary: "Say that the runner lives", door: forRunners, in: core.RunnerBeat{}, answers: done,
			codes:      []string{"409 " + core.CodeRunnerReplaced, "409 " + core.CodeRunnerProtocol},
			parameters: []object{inHeader(ProtocolHeader, "The version of the protocol that the runner speaks; one more or less than the server's is well.")},
		},
		{
			method: post, path: "/v1/runners/{id}/claim", id: "claim", summary: "Take the next build", text: "204 if none came.", door: forRunners, parameters: waits(),
			answers: append(ok(core.Job{}), nothing()...),
		},
		{method: post, path: job + "/renew", id: "renewLease", summary: "Keep a build", door: forRunners, parameters: append(waits(), lease...), answers: ok(core.Renewal{})},
		{
			method: post, path: job + "/checkout", id: "checkout", summary: "Where to fetch from, and with what", door: forRunners, parameters: lease, answers: ok(core.Checkout{}),
			codes: []string{"400 " + core.CodeRepositoryUnknown},
		},
		{method: post, path: job + "/secrets", id: "readSecrets", summary: "The secrets that a build names", door: forRunners, parameters: lease, in: secretNamesBody{}, answers: ok(secretValuesJSON{})},
		{method: post, path: job + "/start", id: "start", summary: "Say that the build runs", door: forRunners, parameters: lease, in: startBody{}, answers: done},
		{method: post, path: job + "/logs", id: "appendLog", summary: "Append to the log", door: forRunners, parameters: lease, in: logChunksBody{}, answers: done, codes: []string{"409 log_gap"}},
		{method: post, path: job + "/steps", id: "reportStep", summary: "Report a step", door: forRunners, parameters: lease, in: core.Step{}, answers: done},
		{method: post, path: job + "/record", id: "recordBuild", summary: "Say what the build does, and what its tests came to", door: forRunners, parameters: lease, in: core.Record{}, answers: done},
		{
			method: post, path: job + "/artifacts/parts", id: "putArtifactPart", summary: "Send a part of a file", text: "At most 8 MiB.", door: forRunners, parameters: lease,
			in: bytesOf("The bytes.", fiber.MIMEOctetStream), answers: ok(partJSON{}),
		},
		{
			method: post, path: job + "/artifacts", id: "joinArtifact", summary: "Make a file of its parts", door: forRunners, parameters: leaseHeader(inHeader("Prefer", "`respond-async`, and with `wait=20` for how many seconds to wait before that.")), in: joinArtifactBody{}, answers: append([]answerOf{{status: http.StatusAccepted}}, nothing()...),
			text: "With `Prefer: respond-async` the answer is `202` and `Retry-After` while it goes on: ask again.", codes: []string{"409 " + core.CodePartMissing}, errors: []int{http.StatusRequestEntityTooLarge},
		},
		{method: post, path: job + "/finish", id: "finish", summary: "Say how the build ended", door: forRunners, parameters: lease, in: core.Result{}, answers: done},
	}
}
