package templates

import (
	_ "embed"
	"encoding/xml"
	"html/template"
	"io"
	"net/url"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode"

	"github.com/oore-ci/oore/app/core"
)

// InstallView is the page from which a phone installs an artifact, or anybody loads it.
type InstallView struct {
	Page
	Artifact core.Artifact
	Build    core.Build
	Project  string
	IconURL  string // empty: it has none
	FileURL  string
	Begin    string     // where a form begins the one install of a link; empty: nothing is to be begun
	Manifest string     // the absolute address that an iPhone is given; empty: it cannot install it
	Faults   []string   // why it cannot
	PhoneURL string     // the absolute address that opens this page on a phone; empty: none
	Until    *time.Time // when that ends
	Sharing  *SharingView
}

// SharingView is what who has signed in may do besides.
type SharingView struct {
	Links  []core.Credential
	Made   string // the address of a link that was just made
	MadeID string
}

// Install writes the page from which a phone installs an artifact.
func (s *Set) Install(w io.Writer, v InstallView) error {
	return s.render(w, "install", "layout", v)
}

// Letter stands for an icon that is not there.
func (v InstallView) Letter() string { return letter(v.Artifact) }

func letter(a core.Artifact) string {
	for _, r := range a.Title() {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "?"
}

// Apple is the link that makes an iPhone load the manifest.
func (v InstallView) Apple() template.URL {
	return template.URL("itms-services://?action=download-manifest&url=" + url.QueryEscape(v.Manifest)) //nolint:gosec // the scheme is ours, the rest escaped
}

// AppsView is what testers may install of a project.
type AppsView struct {
	Page
	Project core.Project
	Rows    []AppRow // the default branch's first
}

// AppRow is an artifact to install.
type AppRow struct {
	core.Artifact
	Build    core.Build
	Pipeline string
	Default  bool // of the default branch
}

// IconURL is empty where there is no icon.
func (r AppRow) IconURL() string {
	if r.IconSHA256 == "" {
		return ""
	}
	return "/artifacts/" + r.ID + "/icon"
}

// Letter stands for an icon that is not there.
func (r AppRow) Letter() string { return letter(r.Artifact) }

// Apps writes the page of what testers may install.
func (s *Set) Apps(w io.Writer, v AppsView) error { return s.render(w, "apps", "layout", v) }

// AppleManifest tells an iPhone what to install and where it lies. Addresses are absolute.
type AppleManifest struct {
	FileURL, IconURL         string // IconURL may be empty
	BundleID, Version, Title string
}

//go:embed manifest.plist.tmpl
var manifestSource string

var manifestTemplate = texttemplate.Must(texttemplate.New("manifest.plist").Funcs(texttemplate.FuncMap{"xml": xmlText}).Parse(manifestSource))

// Write writes the property list.
func (m AppleManifest) Write(w io.Writer) error {
	_, err := io.WriteString(w, render(manifestTemplate, m))
	return err
}

func xmlText(s string) (string, error) {
	var out strings.Builder
	err := xml.EscapeText(&out, []byte(s))
	return out.String(), err
}
