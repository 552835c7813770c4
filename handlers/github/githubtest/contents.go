package githubtest

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

// getContents answers for one path of a commit, as GitHub does: a file with its content,
// a folder as a list; a link to a file of the repository is the file.
func (s *Server) getContents(c *call) answer {
	r, a := s.repository(c, "contents:read")
	if r == nil {
		return a
	}
	ref := c.URL.Query().Get("ref")
	if ref == "" {
		ref = defaultBranch(r.Dir)
	}
	commit, found := findCommit(r.Dir, ref)
	if !found {
		return refuse(http.StatusNotFound, "No commit found for the ref "+ref)
	}
	path := c.PathValue("path")
	mode, kind, id := treeEntry(r.Dir, commit.sha, path)
	if mode == "120000" {
		target, _ := runGit(r.Dir, "cat-file", "blob", id)
		if linked, _, to := treeEntry(r.Dir, commit.sha, target); strings.HasPrefix(linked, "100") {
			mode, id = linked, to
		}
	}
	switch {
	case kind == "":
		return notFound()
	case kind == "tree":
		return ok([]object{})
	case kind == "commit":
		return ok(object{"type": "submodule", "path": path, "name": path, "size": 0, "sha": id})
	case mode == "120000":
		return ok(object{"type": "symlink", "path": path, "name": path, "size": 0, "sha": id})
	}
	size, _ := runGit(r.Dir, "cat-file", "-s", id)
	bytes, _ := strconv.Atoi(size)
	out := object{"type": "file", "path": path, "name": path, "size": bytes, "sha": id, "encoding": "none", "content": ""}
	if bytes <= 1<<20 { // of larger ones GitHub gives no content here
		content, _ := runGit(r.Dir, "cat-file", "blob", id)
		out["encoding"], out["content"] = "base64", base64.StdEncoding.EncodeToString([]byte(content))
	}
	return ok(out)
}

// treeEntry looks a path up in a commit; kind is empty if it is not there.
func treeEntry(dir, sha, path string) (mode, kind, id string) {
	out, err := runGit(dir, "ls-tree", "--full-tree", sha, "--", path)
	fields := strings.Fields(out)
	if err != nil || len(fields) < 4 {
		return "", "", ""
	}
	return fields[0], fields[1], fields[2]
}
