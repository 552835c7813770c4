package web

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// Search is GET /search?q=: projects, pipelines, builds, pages and chat commands.
// ?part=found is its list alone, for the dialog.
func (p *Pages) Search(c *fiber.Ctx, actor core.Actor) error {
	text := query(c, "q")
	found, err := p.app.Find(c.UserContext(), actor, text)
	if err != nil {
		return err
	}
	v := templates.SearchView{Page: page(c, actor, "Find", "search", "/v1/search?"+url.Values{"q": {text}}.Encode()), Text: text}
	v.Hits = pageHits(v.Page, text)
	n := p.names(actor, found.Projects...)
	for _, project := range found.Projects {
		v.Hits = append(v.Hits, templates.Hit{Kind: "Project", Label: project.Name, About: project.Repository.FullName, URL: "/projects/" + project.ID})
	}
	for _, l := range found.Pipelines {
		project, err := n.project(c.UserContext(), l.ProjectID)
		if err != nil {
			return err
		}
		v.Hits = append(v.Hits, templates.Hit{Kind: "Pipeline", Label: l.Name, About: project.Name, URL: "/projects/" + l.ProjectID})
	}
	for _, b := range found.Builds {
		row, ok, err := n.row(c.UserContext(), b)
		if err != nil {
			return err
		}
		if ok {
			v.Hits = append(v.Hits, templates.BuildHit(row))
		}
	}
	v.Hits = append(v.Hits, commandHits(text)...)
	if query(c, "part") == "found" {
		return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.SearchFound(w, v) })
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Search(w, v) })
}

// pageHits are the pages that the reader may open and the text names; without a text,
// all of them.
func pageHits(page templates.Page, text string) []templates.Hit {
	var hits []templates.Hit
	for _, o := range page.Everywhere() {
		if contains(o.Label, text) {
			hits = append(hits, templates.Hit{Kind: "Page", Label: o.Label, URL: o.Value})
		}
	}
	return hits
}

func commandHits(text string) []templates.Hit {
	var hits []templates.Hit
	for _, row := range core.CommandTable() {
		if text != "" && contains(row.Usage+" "+row.Meaning, text) {
			hits = append(hits, templates.Hit{Kind: "Chat command", Label: row.Usage, About: row.Meaning, URL: "/commands?" + url.Values{"line": {row.Example}}.Encode()})
		}
	}
	return hits
}

func contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}
