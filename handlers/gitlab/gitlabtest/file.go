package gitlabtest

import (
	"encoding/base64"
	"net/http"
	"path"
	"strings"
)

// getFile answers with one file of a commit. As at GitLab the ref must be given, and a
// folder is not found; a link is the name that it leads to.
func (s *Server) getFile(c *call) answer {
	p, a := s.project(c, 0)
	switch {
	case p == nil:
		return a
	case p.Private && c.role(p) < Reporter:
		return refuse(http.StatusForbidden, "403 Forbidden")
	}
	ref := c.URL.Query().Get("ref")
	if ref == "" {
		return answer{status: http.StatusBadRequest, body: object{"error": "ref is missing, ref is empty"}}
	}
	found, ok2 := findCommit(p.Dir, ref)
	if !ok2 {
		return notFound("Commit")
	}
	name := c.PathValue("file_path")
	out, err := runGit(p.Dir, "ls-tree", "--full-tree", found.sha, "--", name)
	entry := strings.Fields(out)
	if err != nil || len(entry) < 4 || entry[1] != "blob" {
		return notFound("File")
	}
	content, err := runGit(p.Dir, "cat-file", "blob", entry[2])
	if err != nil {
		return refuse(http.StatusInternalServerError, err.Error())
	}
	return ok(object{
		"file_name": path.Base(name), "file_path": name, "size": len(content), "encoding": "base64", "ref": ref, "blob_id": entry[2],
		"commit_id": found.sha, "last_commit_id": found.sha, "execute_filemode": entry[0] == "100755",
		"content": base64.StdEncoding.EncodeToString([]byte(content)),
	})
}
