package web

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// OverviewCommands are those about the house at one glance.
type OverviewCommands interface {
	Overview(ctx context.Context, actor core.Actor, mine bool) (app.Overview, error)
	Checklist(ctx context.Context, actor core.Actor) ([]app.ToDo, error)
}

// checklistCookie keeps that the reader does not want to see the checklist any more.
const checklistCookie = "oore_checklist"

// Dashboard is GET /: what needs a look, is red, runs, waits and has ended; ?show=mine
// narrows what has ended. Without a project, the first steps.
func (p *Pages) Dashboard(c *fiber.Ctx, actor core.Actor) error {
	ctx := c.UserContext()
	v := templates.DashboardView{Mine: query(c, "show") == "mine", MayCreate: may(actor, core.ActCreateProject, nil)}
	o, err := p.app.Overview(ctx, actor, v.Mine)
	if err != nil {
		return err
	}
	v.Page = page(c, actor, "Dashboard", "dashboard", "/v1/builds")
	if v.FirstRun = len(o.Projects) == 0; v.FirstRun {
		v.Title = "Welcome"
	} else if err := p.fillDashboard(ctx, actor, o, &v); err != nil {
		return err
	}
	if !v.FirstRun && c.Cookies(checklistCookie) == "" {
		if v.Checklist, err = p.checklist(ctx, actor); err != nil {
			return err
		}
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Dashboard(w, v) })
}

func (p *Pages) fillDashboard(ctx context.Context, actor core.Actor, o app.Overview, v *templates.DashboardView) error {
	n := p.names(actor, o.Projects...)
	v.BrokenTotal, v.WaitingTotal, v.RunningTotal = o.BreaksTotal, o.Queue.WaitingSeen, o.Queue.ActiveSeen
	v.Tiles = templates.Tiles{
		Judged: o.Summary.Judged, Share: o.Summary.Share(), Median: o.Summary.Median, Cut: o.Summary.Cut, RunnersOnline: o.RunnersOnline, Runners: o.Runners,
	}
	for _, notice := range o.Notices {
		v.Notices = append(v.Notices, noticeOf(actor, notice))
	}
	for _, b := range o.Breaks {
		row, ok, err := n.row(ctx, b.Last)
		if err != nil {
			return err
		}
		if project, known := n.projects[b.Last.ProjectID]; ok && known {
			v.Broken = append(v.Broken, templates.BrokenRow{BuildRow: row, First: b.First, WasGreen: b.Green, MayRun: may(actor, core.ActTrigger, &project)})
		}
	}
	var err error
	if v.Waiting, v.Running, err = n.queue(ctx, o.Queue); err == nil {
		v.Recent, err = n.rows(ctx, o.Recent)
	}
	return err
}

// queue names what waits and what runs.
func (n *names) queue(ctx context.Context, q app.Queue) (waiting []templates.BuildRow, running []templates.RunningRow, err error) {
	for _, b := range q.Waiting {
		row, ok, err := n.row(ctx, b.Build)
		if err != nil {
			return nil, nil, err
		}
		if row.Place = b.Place; ok {
			waiting = append(waiting, row)
		}
	}
	for _, b := range q.Active {
		row, ok, err := n.row(ctx, b.Build)
		if err != nil {
			return nil, nil, err
		}
		if ok {
			running = append(running, templates.RunningRow{BuildRow: row, EstimatedEnd: b.EstimatedEnd})
		}
	}
	return waiting, running, nil
}

// noticeOf leads to where something can be done about it.
func noticeOf(actor core.Actor, n app.Notice) templates.Notice {
	out := templates.Notice{State: "timed_out", Text: n.Text, At: n.At, URL: "/runners", Link: "Runners"}
	switch n.Code {
	case app.NoticeServerFull:
		out.State, out.URL, out.Link = "failed", "/queue", "Queue"
		if core.Allow(actor, core.ActManageInstance, nil) == nil {
			out.URL, out.Link = systemPath, "System"
		}
	case app.NoticePaused:
		out.URL, out.Link = "/queue", "Queue"
	case app.NoticeSource:
		out.State, out.URL, out.Link = "failed", "/settings/sources", "Sources"
	case app.NoticeRepository:
		out.State, out.URL, out.Link = "failed", "/projects/"+n.Target+"/settings", "Project settings"
	case app.NoticeNothing:
		out.URL, out.Link = "/deliveries/"+n.Target, "What arrived"
	}
	return out
}

func (p *Pages) checklist(ctx context.Context, actor core.Actor) ([]templates.ToDo, error) {
	list, err := p.app.Checklist(ctx, actor)
	var out []templates.ToDo
	for _, item := range list {
		t := templates.ToDo{Done: item.Done}
		switch item.Code {
		case app.ToDoRunner:
			t.Text, t.URL = "A runner is online", "/runners"
		case app.ToDoBuild:
			t.Text, t.URL = "A first build has ended", "/run"
		case app.ToDoSource:
			t.Text, t.URL = "GitHub or GitLab is connected", "/settings/sources"
		case app.ToDoWebhook:
			t.Text, t.URL = "A webhook has arrived", "/deliveries"
		case app.ToDoComment:
			t.Text, t.URL = "A pull request has its comment", "/projects"
		case app.ToDoSlack:
			t.Text, t.URL = "Slack is connected", "/commands"
		case app.ToDoBackup:
			t.Text, t.URL = "A backup was made within a week", "/settings/system"
		}
		out = append(out, t)
	}
	return out, err
}

// DismissChecklist is POST /checklist/dismiss: this browser does not show it any more.
func (p *Pages) DismissChecklist(c *fiber.Ctx, _ core.Actor) error {
	c.Cookie(&fiber.Cookie{
		Name: checklistCookie, Value: "off", Path: "/", Expires: time.Now().AddDate(1, 0, 0), Secure: secure(p.publicURL), HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode,
	})
	return c.Redirect("/", http.StatusSeeOther)
}
