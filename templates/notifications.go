package templates

import "github.com/oore-ci/oore/app/core"

// NotificationsView lists who is told of a project's builds, with the form for one more.
type NotificationsView struct {
	Rows                           []NotificationRow
	Choices                        []Choice // kind, when, pipeline
	Target, BranchPatterns, Secret Field
	Open                           bool // the form has something to say
}

// NotificationRow is one of them.
type NotificationRow struct {
	core.Notification
	Pipeline string // its name; empty: all
}

// Way is the row's kind in words.
func (r NotificationRow) Way() string { return notificationWay(r.Kind) }

// When says which ends it tells.
func (r NotificationRow) When() string { return notificationWhen(r.On) }

func notificationWay(k core.NotificationKind) string {
	switch k {
	case core.NotifySlack:
		return "Slack channel"
	case core.NotifyMattermost:
		return "Mattermost"
	case core.NotifyEmail:
		return "E-mail"
	case core.NotifyWebhook:
		return "Signed webhook"
	}
	return string(k)
}

func notificationWhen(on core.SubscribedTo) string {
	switch on {
	case core.OnBroken:
		return "When a branch breaks"
	case core.OnFixed:
		return "When a branch breaks and when it is mended"
	case core.OnAll:
		return "Whenever a build ends"
	}
	return string(on)
}

// NotificationChoices are the lists of the form, of the kinds that this server can send.
func NotificationChoices(kinds []core.NotificationKind, pipelines []core.Pipeline) []Choice {
	kind := Choice{Name: "kind", Label: "Tell", Hint: "Slack and e-mail are offered where the operator has set them up."}
	for _, k := range kinds {
		kind.Options = append(kind.Options, Option{string(k), notificationWay(k)})
	}
	on := Choice{Name: "on", Label: "When"}
	for _, o := range []core.SubscribedTo{core.OnBroken, core.OnFixed, core.OnAll} {
		on.Options = append(on.Options, Option{string(o), notificationWhen(o)})
	}
	pipeline := Choice{Name: "pipeline_id", Label: "Pipeline", Options: []Option{{"", "All"}}}
	for _, p := range pipelines {
		pipeline.Options = append(pipeline.Options, Option{p.ID, p.Name})
	}
	return []Choice{kind, on, pipeline}
}
