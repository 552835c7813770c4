package templates

import "io"

// Hit is something that a search found.
type Hit struct{ Kind, Label, About, URL, State string }

// BuildHit is a build as one.
func BuildHit(r BuildRow) Hit {
	about := subject(r.Build.CommitMessage)
	if r.Build.SHA != "" {
		about = short(r.Build.SHA) + " " + about
	}
	return Hit{Kind: "Build", Label: r.Project + " #" + number(int64(r.Build.Number)) + " " + r.Pipeline, About: about, URL: "/builds/" + r.Build.ID, State: string(r.Build.Status)}
}

// SearchView is a search with what it found.
type SearchView struct {
	Page
	Text string
	Hits []Hit
}

// Search writes its page.
func (s *Set) Search(w io.Writer, v SearchView) error { return s.render(w, "search", "layout", v) }

// SearchFound writes the list alone.
func (s *Set) SearchFound(w io.Writer, v SearchView) error {
	return s.render(w, "search", "found", v)
}

// Everywhere are the pages that stand for themselves, as far as the reader may open them.
func (p Page) Everywhere() []Option {
	p.Section = "settings"
	pages := []Option{
		{"/", "Dashboard"},
		{"/projects", "Projects"},
		{"/builds", "Builds"},
		{"/queue", "Queue"},
		{"/deliveries", "Deliveries"},
		{"/run", "Trigger a build"},
		{"/why", "Why was it not built?"},
		{"/validate", "Check a .oore.yaml"},
		{"/runners", "Runners"},
		{"/commands", "Chat commands"},
	}
	for _, part := range p.Parts() {
		pages = append(pages, Option{part.Value, "Settings: " + part.Label})
	}
	return pages
}
