package web

import (
	"context"
	"slices"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func (f *fake) Overview(ctx context.Context, actor core.Actor, mine bool) (app.Overview, error) {
	o := app.Overview{Projects: f.projects, RunnersOnline: 1, Runners: 2}
	if len(f.projects) == 0 {
		return o, nil
	}
	for _, b := range f.builds {
		if b.Status.Terminal() && (!mine || b.TriggerActor == actor.Name) {
			o.Recent = append(o.Recent, b)
		}
		if b.Status == core.BuildFailed || b.Status == core.BuildTimedOut {
			o.Breaks = append(o.Breaks, core.Break{First: b, Last: b, Green: b.Number > 1})
		}
	}
	o.BreaksTotal = len(o.Breaks)
	o.Summary = app.Summary{Judged: 12, Succeeded: 11, Median: 340 * time.Second, Cut: true}
	seen := ago(2 * time.Hour)
	o.Notices = []app.Notice{
		{Code: app.NoticeNoRunner, Text: "No runner with label ios answers. 3 builds wait.", At: &seen},
		{Code: app.NoticeDiskFull, Text: hostile, Target: "r1"},
		{Code: app.NoticeSource, Text: "GitHub: " + hostile, Target: "i1"},
		{Code: app.NoticeRepository, Text: "The App was removed", Target: "p1"},
		{Code: app.NoticeNothing, Text: "acme/shop: its last change came by no webhook.", Target: "d1"},
	}
	if core.Allow(actor, core.ActManageInstance, nil) != nil {
		o.Notices = slices.DeleteFunc(o.Notices, func(n app.Notice) bool { return n.Code == app.NoticeSource || n.Code == app.NoticeRepository })
	}
	var err error
	o.Queue, err = f.ReadQueue(ctx, actor, core.Page{Limit: 20})
	return o, err
}

func (f *fake) Checklist(_ context.Context, actor core.Actor) ([]app.ToDo, error) {
	if core.Allow(actor, core.ActManageInstance, nil) != nil {
		return nil, nil
	}
	return []app.ToDo{{Code: app.ToDoRunner, Done: true}, {Code: app.ToDoBuild}, {Code: app.ToDoSource}, {Code: app.ToDoWebhook}, {Code: app.ToDoComment}, {Code: app.ToDoSlack}, {Code: app.ToDoBackup}}, nil
}
