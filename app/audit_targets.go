package app

import (
	"slices"
	"strconv"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// Each function below begins the audit entry of something done to a thing.

func auditProject(action core.AuditAction, p core.Project) core.AuditEntry {
	return core.AuditEntry{Action: action, TargetKind: core.TargetProject, TargetID: p.ID, Target: p.Name, ProjectID: p.ID}
}

func auditPipeline(action core.AuditAction, p core.Pipeline) core.AuditEntry {
	return core.AuditEntry{Action: action, TargetKind: core.TargetPipeline, TargetID: p.ID, Target: p.Name, ProjectID: p.ProjectID}
}

func auditBuild(action core.AuditAction, b core.Build) core.AuditEntry {
	return core.AuditEntry{Action: action, TargetKind: core.TargetBuild, TargetID: b.ID, Target: "#" + strconv.Itoa(b.Number), ProjectID: b.ProjectID}
}

func auditSecret(action core.AuditAction, projectID, name string) core.AuditEntry {
	return core.AuditEntry{Action: action, TargetKind: core.TargetSecret, TargetID: name, Target: name, ProjectID: projectID}
}

func auditNotification(action core.AuditAction, n core.Notification) core.AuditEntry {
	return core.AuditEntry{Action: action, TargetKind: core.TargetNotification, TargetID: n.ID, Target: string(n.Kind) + " " + n.Target, ProjectID: n.ProjectID}
}

func auditRunner(action core.AuditAction, r core.Runner) core.AuditEntry {
	return core.AuditEntry{Action: action, TargetKind: core.TargetRunner, TargetID: r.ID, Target: r.Name}
}

func auditIntegration(action core.AuditAction, i core.Integration) core.AuditEntry {
	return core.AuditEntry{Action: action, TargetKind: core.TargetIntegration, TargetID: i.ID, Target: i.Name + " at " + i.Host}
}

func auditDelivery(action core.AuditAction, d core.Delivery) core.AuditEntry {
	return core.AuditEntry{Action: action, TargetKind: core.TargetDelivery, TargetID: d.ID, Target: d.Event + " " + d.Repository}
}

func auditShareLink(action core.AuditAction, c core.Credential, a core.Artifact) core.AuditEntry {
	return core.AuditEntry{Action: action, TargetKind: core.TargetShareLink, TargetID: c.ID, Target: a.Name, ProjectID: a.ProjectID}
}

func auditUser(action core.AuditAction, u core.User) core.AuditEntry {
	return core.AuditEntry{Action: action, TargetKind: core.TargetUser, TargetID: u.ID, Target: u.Name}
}

func auditIdentity(action core.AuditAction, i core.Identity) core.AuditEntry {
	return core.AuditEntry{Action: action, TargetKind: core.TargetIdentity, TargetID: i.Provider + "/" + i.Subject, Target: orElse(i.Login, i.Subject) + " at " + i.Provider}
}

func auditToken(action core.AuditAction, c core.Credential) core.AuditEntry {
	return core.AuditEntry{Action: action, TargetKind: core.TargetToken, TargetID: c.ID, Target: c.Name, ProjectID: c.ProjectID}
}

func auditSession(action core.AuditAction, c core.Credential) core.AuditEntry {
	return core.AuditEntry{Action: action, TargetKind: core.TargetSession, TargetID: c.ID, Target: c.Name}
}

func auditPullRequest(action core.AuditAction, r core.Repository, number int) core.AuditEntry {
	return core.AuditEntry{Action: action, TargetKind: core.TargetPullRequest, TargetID: r.ID + "#" + strconv.Itoa(number), Target: r.FullName + "#" + strconv.Itoa(number)}
}

func auditChannel(action core.AuditAction, chat core.Chat, p core.Project) core.AuditEntry {
	where := chat.Team + "/" + chat.Channel
	return core.AuditEntry{Action: action, TargetKind: core.TargetChannel, TargetID: where, Target: where, ProjectID: p.ID}
}

func auditChatUser(action core.AuditAction, team, member string) core.AuditEntry {
	return core.AuditEntry{Action: action, TargetKind: core.TargetChatUser, TargetID: team + "/" + member, Target: team + "/" + member}
}

// projectChanges are the fields that an update of a project may touch, under the API's
// names.
func projectChanges(was, is core.Project) core.AuditChanges {
	return core.AuditChanges{}.
		With("name", was.Name, is.Name).
		With("description", was.Description, is.Description).
		With("default_branch", was.DefaultBranch, is.DefaultBranch).
		With("forks", was.Forks, is.Forks).
		With("comments", was.Comments, is.Comments).
		With("trigger_role", was.TriggerRole, is.TriggerRole).
		With("visibility", was.Visibility, is.Visibility).
		With("checks", was.Checks, is.Checks).
		With("report_skipped", was.ReportSkipped, is.ReportSkipped).
		With("quota", was.Quota, is.Quota)
}

// pipelineChanges leaves the values of env out: people keep all kinds of things there.
func pipelineChanges(was, is core.Pipeline) core.AuditChanges {
	changes := core.AuditChanges{}
	if !slices.Equal(was.Execution.Env, is.Execution.Env) {
		changes = append(changes, core.AuditChange{Field: "execution_config.env", From: envNames(was), To: envNames(is)})
	}
	was.Execution.Env, is.Execution.Env = nil, nil
	return changes.
		With("name", was.Name, is.Name).
		With("config_path", was.ConfigPath, is.ConfigPath).
		With("execution_config", was.Execution, is.Execution).
		With("trigger_config", was.Trigger, is.Trigger).
		With("concurrency", was.Concurrency, is.Concurrency).
		With("timeout", was.Timeout, is.Timeout).
		With("labels", was.Labels, is.Labels).
		With("status_context", was.StatusContext, is.StatusContext).
		With("enabled", was.Enabled, is.Enabled)
}

func envNames(p core.Pipeline) string {
	names := []string{}
	for _, v := range p.Execution.Env {
		names = append(names, v.Key)
	}
	return strings.Join(names, ", ")
}

func notificationChanges(was, is core.Notification, signed bool) core.AuditChanges {
	changes := core.AuditChanges{}.
		With("target", was.Target, is.Target).
		With("pipeline_id", was.PipelineID, is.PipelineID).
		With("branches", was.Branches, is.Branches).
		With("on", was.On, is.On).
		With("enabled", was.Enabled, is.Enabled)
	if signed {
		changes = changes.With("secret", "", "set anew")
	}
	return changes
}

func runnerChanges(was, is core.Runner) core.AuditChanges {
	return core.AuditChanges{}.
		With("name", was.Name, is.Name).
		With("labels", was.Labels, is.Labels).
		With("enabled", was.Enabled, is.Enabled)
}
