package githubtest

import (
	"strings"
)

// maxCompareFiles is where GitHub cuts the files of a comparison.
const maxCompareFiles = 300

func (s *Server) listBranches(c *call) answer { return s.listRefs(c, "refs/heads/") }
func (s *Server) listTags(c *call) answer     { return s.listRefs(c, "refs/tags/") }

// listRefs lists refs with the commits that they lead to in the end.
func (s *Server) listRefs(c *call, prefix string) answer {
	r, a := s.repository(c, "contents:read")
	if r == nil {
		return a
	}
	out, err := runGit(r.Dir, "for-each-ref", "--format=%(refname:lstrip=2) %(objecttype) %(objectname) %(*objectname)", prefix)
	if err != nil {
		return refuse(500, out)
	}
	list := []object{}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		sha := fields[len(fields)-1] // of an annotated tag: what it leads to
		list = append(list, object{"name": fields[0], "commit": object{"sha": sha, "url": s.APIURL() + "repos/" + r.FullName + "/commits/" + sha}})
	}
	return paged(c, list)
}

// compare answers base...head. As on GitHub the files come with the first page alone,
// and only the commits are paged.
func (s *Server) compare(c *call) answer {
	r, a := s.repository(c, "contents:read")
	if r == nil {
		return a
	}
	baseName, headName, _ := strings.Cut(c.PathValue("basehead"), "...")
	base, found := findCommit(r.Dir, baseName)
	head, foundHead := findCommit(r.Dir, headName)
	if !found || !foundHead {
		return notFound()
	}
	ahead, behind := lines(r.Dir, "rev-list", "--reverse", base.sha+".."+head.sha), lines(r.Dir, "rev-list", head.sha+".."+base.sha)
	status := "diverged"
	switch {
	case len(ahead) == 0 && len(behind) == 0:
		status = "identical"
	case len(behind) == 0:
		status = "ahead"
	case len(ahead) == 0:
		status = "behind"
	}
	commits := []object{}
	for _, sha := range ahead {
		commits = append(commits, object{"sha": sha})
	}
	a = paged(c, commits)
	out := object{"status": status, "ahead_by": len(ahead), "behind_by": len(behind), "total_commits": len(ahead), "commits": a.body}
	if page := c.URL.Query().Get("page"); page == "" || page == "1" {
		files := changedFiles(r.Dir, base.sha, head.sha)
		out["files"] = files[:min(len(files), maxCompareFiles)]
	}
	a.body = out
	return a
}

func lines(dir string, args ...string) []string {
	out, err := runGit(dir, args...)
	if err != nil {
		return nil
	}
	return strings.Fields(out)
}

// changedFiles lists what head changed since it left base.
func changedFiles(dir, base, head string) []object {
	files := []object{}
	out, err := runGit(dir, "diff", "--name-status", "--find-renames", "-z", base+"..."+head)
	if err != nil {
		return files
	}
	fields := strings.Split(strings.TrimRight(out, "\x00"), "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		file := object{"filename": fields[i+1], "status": "modified"}
		switch fields[i][0] {
		case 'A':
			file["status"] = "added"
		case 'D':
			file["status"] = "removed"
		case 'R':
			file["status"], file["filename"], file["previous_filename"] = "renamed", fields[i+2], fields[i+1]
			i++
		}
		files = append(files, file)
	}
	return files
}
