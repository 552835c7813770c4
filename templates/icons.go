package templates

import (
	"fmt"
	"html/template"
	"strings"
)

// icon is the shape of a state. The nine shapes differ without their colors
// (WCAG 1.4.1); the same drawing serves the pages and the favicons.
type icon struct {
	State string
	Shape template.HTML
	color string // of the favicon: readable on light and on dark tab bars
}

const (
	ring  = `<circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6"`
	line  = `fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"/>`
	knock = `fill="none" stroke="var(--knock,#fff)" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/>`
)

func icons() []icon {
	return []icon{
		{"queued", ring + `/><path d="M8 4.8V8l2.2 1.4" ` + line, "#7d8797"},
		{"assigned", ring + `/><path d="M5 8h5M8 5.6 10.4 8 8 10.4" ` + line, "#7a6ff0"},
		{"running", ring + ` opacity=".3"/><path d="M8 1.8A6.2 6.2 0 0 1 14.2 8" ` + line, "#2f7de1"},
		{"succeeded", `<circle cx="8" cy="8" r="7" fill="currentColor"/><path d="m4.8 8.2 2.2 2.2 4.2-4.6" ` + knock, "#1f9d57"},
		{"failed", `<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" fill="currentColor"/><path d="m5.5 5.5 5 5m0-5-5 5" ` + knock, "#d8363c"},
		{"canceled", ring + `/><path d="m3.8 3.8 8.4 8.4" ` + line, "#8d8176"},
		{"timed_out", `<path d="M3.5 1.5h9M3.5 14.5h9M4.5 1.5v2.6L8 8l3.5-3.9V1.5M4.5 14.5v-2.6L8 8l3.5 3.9v2.6" ` + line, "#c07a1c"},
		{"skipped", `<path d="m3 4 4 4-4 4zm6 0 4 4-4 4z" fill="currentColor"/>`, "#7d8797"},
		{"expired", ring + ` stroke-dasharray="2.4 2"/><path d="M8 5v3.4M8 10.8v.2" ` + line, "#a8618f"},
	}
}

// favicons are whole SVG files, one a state, and "oore" for pages without one.
func favicons() map[string]string {
	const file = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" color="%s">%s</svg>`
	all := map[string]string{"oore": fmt.Sprintf(file, "#c4631c", `<path d="M8 1.5 15 14.5H1z" fill="currentColor"/>`)}
	for _, i := range icons() {
		all[i.State] = fmt.Sprintf(file, i.color, strings.ReplaceAll(string(i.Shape), "var(--knock,#fff)", "#fff"))
	}
	return all
}
