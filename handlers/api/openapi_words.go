package api

import (
	"reflect"

	"github.com/oore-ci/oore/app/core"
)

const (
	sampleID      = "0b7c3f1e-5a0d-4d3f-9c55-0d6f6d1c0001"
	sampleSHA     = "9fceb02d0ae598e95dc970b74767f19372d61af8"
	sampleSum     = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
	sampleTime    = 1763800000
	sampleInstant = "2025-11-22T08:26:40Z"
)

// word is what people are told of a field, by its name, or by its schema's and its own.
type word struct {
	text    string
	sample  any
	format  string
	instead string // the field in whose place it may stand
}

func enumOf[S ~string](values ...S) (reflect.Type, []string) {
	return reflect.TypeFor[S](), renderAll(values, func(v S) string { return string(v) })
}

// enums are the words that a type of core has, all of them.
func enums() map[reflect.Type][]string {
	out := map[reflect.Type][]string{}
	add := func(t reflect.Type, values []string) { out[t] = values }
	add(enumOf(core.BuildStatuses()...))
	add(enumOf(triggerTypes()...))
	add(enumOf(core.StepRunning, core.StepSucceeded, core.StepFailed, core.StepCanceled, core.StepSkipped))
	add(enumOf(core.ArtifactAPK, core.ArtifactAAB, core.ArtifactIPA, core.ArtifactApp, core.ArtifactFile))
	add(enumOf(core.ProviderGitHub, core.ProviderGitLab, core.ProviderGit, core.ProviderSlack))
	add(enumOf(core.DeliveryReceived, core.DeliveryProcessed, core.DeliveryIgnored, core.DeliveryFailed))
	add(enumOf(core.BuildEventKinds()...))
	add(enumOf(core.ForksIgnore, core.ForksApprove, core.ForksBuild))
	add(enumOf(core.CommentsAlways, core.CommentsOnFailure, core.CommentsOff))
	add(enumOf(core.VisibleInstance, core.VisibleMembers))
	add(enumOf(core.CheckStatus, core.CheckRun))
	add(enumOf(core.RoleOwner, core.RoleAdmin, core.RoleMaintainer, core.RoleDeveloper, core.RoleViewer))
	add(enumOf(core.OriginEnvironment, core.OriginWeb))
	add(enumOf(core.NotificationKinds()...))
	add(enumOf(core.OnBroken, core.OnFixed, core.OnAll))
	add(enumOf(core.RunnerOnline, core.RunnerDraining, core.RunnerPaused, core.RunnerFull, core.RunnerOffline))
	add(enumOf(core.CheckOK, core.CheckSkipped, core.CheckWarning, core.CheckFailed))
	add(enumOf(core.CheckAreas()...))
	add(enumOf(core.LevelError, core.LevelWarning))
	add(enumOf(core.ActorUser, core.ActorToken, core.ActorSystem, core.ActorForge, core.ActorStranger))
	add(enumOf(core.ViaWeb, core.ViaAPI, core.ViaGitHub, core.ViaGitLab, core.ViaSlack, core.ViaCLI, core.ViaSystem))
	add(enumOf(core.AuditActions()...))
	add(enumOf(core.StreamStdout, core.StreamStderr, core.StreamSystem))
	return out
}

// vocabulary is by field, or schema and field.
func vocabulary() map[string]word {
	when := func(text string) word { return word{text: text, sample: sampleTime} }
	id := func(text string) word { return word{text: text, sample: sampleID, format: "uuid"} }
	return map[string]word{
		"id": {sample: sampleID}, "project_id": {sample: sampleID}, "pipeline_id": id("The pipeline."), "build_id": id("The build."),
		"user_id": id("The user."), "artifact_id": id("The artifact."), "integration_id": id("The integration."), "delivery_id": {sample: sampleID},
		"source_build_id": id("The build of which this one is a rerun."), "runner_id": id("The runner that has it, or had it."),
		"created_at": when("When it was made."), "updated_at": when("When it was last changed."), "expires_at": when("When it ends by itself."),
		"queued_at": when("Since when it waits."), "assigned_at": when("When a runner took it."), "started_at": when("When it began to run."),
		"finished_at": when("When it ended."), "received_at": when("When it arrived."), "processed_at": when("When it was understood."),
		"last_seen_at": when("When it was last heard of."), "last_used_at": when("When it was last used."), "checked_at": when("When this was looked at."),
		"estimated_start": when("When it is likely to begin."), "estimated_end": when("When it is likely to end."), "at": {sample: sampleTime},
		"sign_in_expires_at": when("Until when the link works."),
		"commit_sha":         {text: "The full commit id.", sample: sampleSHA}, "sha": {text: "The full commit id.", sample: sampleSHA},
		"sha256": {text: "Of the bytes, in hex.", sample: sampleSum}, "branch": {text: "Name of a branch.", sample: "main"},
		"default_branch": {text: "The branch that is meant where none is named.", sample: "main"}, "tag": {text: "The tag that was built.", sample: "v1.2.0"},
		"build_number": {text: "Counts up by one in a project and is never used again.", sample: 42}, "status": {text: "Its state."},
		"status_reason": {text: "Why it is in this state, in a word.", sample: "command_failed"}, "status_message": {text: "The same in a sentence.", sample: "build-2 failed: exit 1"},
		"trigger_ref": {text: "Free text, such as the number of a pull request.", sample: "PR 17"}, "trigger_actor": {text: "Who or what started it.", sample: "ada"},
		"trigger_event": {text: "The event that started it.", sample: "push"}, "note": {text: "What the person who started it wrote.", sample: "for the demo"},
		"exit_code": {text: "Of the command that decided it.", sample: 0}, "web_url": {text: "Its page.", sample: "https://github.com/acme/shop"},
		"commit_message": {sample: "Add the cart"}, "commit_author": {sample: "Ada Lovelace"}, "platforms": {text: "android, ios, macos."},
		"name": {sample: "Shop"}, "slug": {text: "The name as it stands in addresses and contexts.", sample: "shop"}, "description": {sample: "The shop's app"},
		"email": {sample: "ada@example.com"}, "full_name": {sample: "acme/shop"}, "clone_url": {sample: "https://github.com/acme/shop.git"},
		"config_path":     {text: "Where the configuration is in the repository; empty: the default names.", sample: ".oore.yaml"},
		"timeout_seconds": {text: "After how long a build is stopped.", sample: 3600}, "status_context": {text: "Under which name results are reported.", sample: "oore/android"},
		"flutter_version": {sample: "3.24.5"}, "key": {sample: "BUILD_FLAVOR"}, "limit": {sample: 50},
		"expires_in": {text: "Seconds.", sample: 3600}, "token": {text: "The secret; it is shown this once.", sample: "oore_3bKx…"},
		"prefix": {text: "How the secret begins, behind oore_.", sample: "3bKxQ7pA"}, "version": {text: "Of the program."},
		"sign_in_url": {text: "A link that signs the user in once; it is shown this once.", sample: "https://ci.example.com/sign-in/…"},
		"sequence":    {text: "Of the line; from 0, without gap.", sample: 41}, "content": {text: "The line without its line feed.", sample: "Running Gradle task 'assembleRelease'…"},
		"step": {sample: "build-1"}, "partial": {text: "The next record goes on where this one stops."},
		"position": {text: "How many builds are before it, and this one.", sample: 1}, "size_bytes": {sample: 18734211},
		"error": {text: "A sentence for people.", sample: "Pipeline not found"}, "code": {text: "A word for programs; it does not change.", sample: "not_found"},
		"details": {text: "More, where there is more to say."}, "fix": {text: "What to do about it."},
		"secret": {text: "Shown this once."}, "target": {text: "A channel, addresses, or the URL.", sample: "https://hooks.example.com/oore"},
		"Log.time": {text: "Unix seconds, with milliseconds."}, "slots": {text: "Builds at once.", sample: 2},
		"url": {sample: "https://ci.example.com/…"}, "Validate.content": {}, "Place.reason": {text: "Why it still waits."},
		"ValidateInput.content": {text: "The text of the `.oore.yaml`.", sample: "version: 1\ncommands: {build: [make]}\n"},

		"triggers": {text: "Another name of trigger_config.", instead: "trigger_config"}, "cancel_in_progress": {text: "Another name of cancel_previous.", instead: "cancel_previous"},
		"CreateProjectInput.repository_id":         {text: "A repository that is connected.", instead: "repository", format: "uuid"},
		"CreateProjectInput.local_repository_path": {text: "A folder of the server; for owners and admins.", instead: "repository"},
		"StartGitLabGrantInput.integration_id":     {text: "An application that is known.", instead: "application_id", format: "uuid"},
		"ok":                                       {text: "Always true."}, "duplicate": {text: "It was here before; nothing was stored."},
	}
}
