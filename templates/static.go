package templates

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"path"
	"slices"
	"strings"
)

//go:embed static
var staticFiles embed.FS

// Asset is a file that pages load, ready to be sent.
type Asset struct {
	Body        []byte
	Gzip        []byte // the same, compressed
	ContentType string
}

// Static finds a file by its path below /static/, as the pages name it:
// "<version>/<name>". The version is a hash over all files, so what has the current
// one never changes (immutable true). Another version gives the current file: a
// page of another release, still open in a tab, keeps working.
func (s *Set) Static(file string) (a Asset, immutable, ok bool) {
	version, name, _ := strings.Cut(file, "/")
	a, ok = s.assets[name]
	return a, version == s.version, ok
}

// asset is the address of a file for the pages.
func (s *Set) asset(name string) (string, error) {
	if _, ok := s.assets[name]; !ok {
		return "", fmt.Errorf("there is no static file %q", name)
	}
	return "/static/" + s.version + "/" + name, nil
}

func (s *Set) loadAssets() error {
	s.assets = map[string]Asset{}
	for state, svg := range favicons() {
		s.assets["fav-"+state+".svg"] = Asset{Body: []byte(svg)}
	}
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		return fmt.Errorf("list static files: %w", err)
	}
	for _, entry := range entries {
		name, files := entry.Name(), "static/"+entry.Name()
		if entry.IsDir() {
			files += "/*"
		}
		if s.assets[name], err = joined(files); err != nil {
			return err
		}
	}
	return s.sealAssets()
}

// joined is the files of a pattern as the one that pages load.
func joined(pattern string) (a Asset, err error) {
	files, err := fs.Glob(staticFiles, pattern)
	if err != nil {
		return a, fmt.Errorf("list static files: %w", err)
	}
	for _, file := range files {
		body, err := fs.ReadFile(staticFiles, file)
		if err != nil {
			return a, fmt.Errorf("read a static file: %w", err)
		}
		a.Body = append(a.Body, body...)
	}
	return a, nil
}

// sealAssets compresses every file and hashes them all into the version. One hash
// for all lets the modules import each other by their plain names.
func (s *Set) sealAssets() error {
	names := []string{}
	for name := range s.assets {
		names = append(names, name)
	}
	slices.Sort(names)
	sum := sha256.New()
	for _, name := range names {
		a := s.assets[name]
		fmt.Fprintf(sum, "%s %d\n%s", name, len(a.Body), a.Body)
		packed, err := compressed(a.Body)
		if err != nil {
			return fmt.Errorf("compress %s: %w", name, err)
		}
		a.Gzip, a.ContentType = packed, contentType(name)
		s.assets[name] = a
	}
	s.version = hex.EncodeToString(sum.Sum(nil))[:10]
	return nil
}

// contentType does not ask the machine's own table for what we ship: a module with
// another type does not run.
func contentType(name string) string {
	if path.Ext(name) == ".js" {
		return "text/javascript; charset=utf-8"
	}
	return mime.TypeByExtension(path.Ext(name))
}

func compressed(body []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
