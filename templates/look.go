package templates

// Look is how a reader wants pages to look. An empty value is the usual.
type Look struct {
	Theme string // light or dark; empty: as the system has it
	Times string // absolute; empty: relative to now
	Zone  string // utc; empty: the browser's
	Keys  string // off: keys without Ctrl or Cmd do nothing
}

// ColorScheme is what the browser itself paints with before the sheet is there.
func (l Look) ColorScheme() string {
	if l.Theme == "" {
		return "light dark"
	}
	return l.Theme
}

// Choices are the looks for a form.
func (l Look) Choices() []Choice {
	return []Choice{
		{Name: "theme", Label: "Colors", Field: Field{Value: l.Theme}, Options: []Option{{"", "As the system has them"}, {"light", "Light"}, {"dark", "Dark"}}},
		{Name: "times", Label: "Times", Hint: "A click on a time switches all of them.", Field: Field{Value: l.Times}, Options: []Option{{"", "Relative: 5 min ago"}, {"absolute", "Absolute: 14:02"}}},
		{Name: "zone", Label: "Time zone", Field: Field{Value: l.Zone}, Options: []Option{{"", "This browser’s"}, {"utc", "UTC"}}},
		{Name: "keys", Label: "Keys", Hint: "Off keeps Ctrl-K and ⌘K, and turns off every key that is pressed alone.", Field: Field{Value: l.Keys}, Options: []Option{{"", "On: ? lists those of a page"}, {"off", "Off"}}},
	}
}
