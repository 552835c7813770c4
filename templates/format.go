package templates

import (
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func (s *Set) funcs() template.FuncMap {
	return template.FuncMap{
		"asset": s.asset, "icons": icons,
		"chip": chip, "word": word, "door": door, "provider": provider, "trigger": triggerName, "deliveryChip": deliveryChip, "verdictChip": verdictChip,
		"iso": iso, "when": when, "day": day, "unix": time.Time.Unix, "human": core.HumanDuration, "size": core.HumanSize, "artifactKind": artifactKind, "about": about, "number": number, "ordinal": ordinal, "add": add,
		"short": short, "subject": subject, "list": list, "events": events, "joinLines": joinLines, "qr": qrCode, "testState": testState, "testTook": testTook,
	}
}

// Chip is a state as people see it: a shape, a color and always a word.
type Chip struct {
	State string // names the shape and the colors
	Word  string
}

func chip(status any) Chip {
	switch s := status.(type) {
	case core.BuildStatus:
		return Chip{State: string(s), Word: word(string(s))}
	case core.StepStatus:
		return Chip{State: string(s), Word: word(string(s))}
	}
	return Chip{State: "queued", Word: "Unknown"}
}

// word makes "Timed out" of "timed_out".
func word(code string) string {
	if code == "" {
		return ""
	}
	return strings.ToUpper(code[:1]) + strings.ReplaceAll(code[1:], "_", " ")
}

func provider(p core.Provider) string {
	switch p {
	case core.ProviderGitHub:
		return "GitHub"
	case core.ProviderGitLab:
		return "GitLab"
	case core.ProviderSlack, core.ProviderGit:
	}
	return word(string(p))
}

func door(d core.Door) string {
	switch d {
	case core.ViaAPI:
		return "API"
	case core.ViaGitHub:
		return "GitHub"
	case core.ViaGitLab:
		return "GitLab"
	case core.ViaCLI:
		return "Command line"
	case core.ViaWeb, core.ViaSlack, core.ViaSystem:
	}
	return word(string(d))
}

func deliveryChip(s core.DeliveryStatus) Chip {
	switch s {
	case core.DeliveryProcessed:
		return Chip{State: "succeeded", Word: "Build started"}
	case core.DeliveryIgnored:
		return Chip{State: "skipped", Word: "No build"}
	case core.DeliveryFailed:
		return Chip{State: "failed", Word: "Error"}
	case core.DeliveryReceived:
	}
	return Chip{State: "queued", Word: "Waiting"}
}

func verdictChip(v core.DeliveryVerdict) Chip {
	if v.Matched {
		return Chip{State: "succeeded", Word: "Matched"}
	}
	return Chip{State: "skipped", Word: "No build"}
}

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func when(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }

func day(t time.Time) string { return t.UTC().Format("2 Jan 2006") }

// number writes 1204 as 1,204.
func number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// ordinal writes 1st, 2nd, 3rd, 4th, 11th.
func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		suffix = map[int]string{1: "st", 2: "nd", 3: "rd"}[n%10]
	}
	if suffix == "" {
		suffix = "th"
	}
	return strconv.Itoa(n) + suffix
}

func add(a, b int64) int64 { return a + b }

func short(sha string) string { return sha[:min(len(sha), 7)] }

// subject is the first line of a commit message, at most 100 characters of it.
func subject(message string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	if r := []rune(first); len(r) > 100 {
		return string(r[:99]) + "…"
	}
	return first
}

func list(items []string, none string) string {
	if len(items) == 0 {
		return none
	}
	return strings.Join(items, ", ")
}

func events(kinds []core.EventKind) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = strings.ReplaceAll(string(k), "_", " ")
	}
	return list(words, "any event")
}

func artifactKind(k core.ArtifactKind) string {
	switch k {
	case core.ArtifactAPK, core.ArtifactAAB, core.ArtifactIPA:
		return strings.ToUpper(string(k))
	case core.ArtifactApp:
		return "App, zipped"
	case core.ArtifactFile:
	}
	return "File"
}

// about is what an artifact says of itself: "Shop, com.acme.shop, 1.4.0 (42)".
func about(a core.Artifact) string {
	var said []string
	for _, text := range []string{a.Metadata[core.MetaTitle], a.Metadata[core.MetaPackage] + a.Metadata[core.MetaBundleID], a.Version()} {
		if text != "" {
			said = append(said, text)
		}
	}
	return strings.Join(said, ", ")
}

func joinLines(items []string) string { return strings.Join(items, "\n") }
