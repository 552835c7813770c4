package gitlabtest

import (
	"net/http"
	"strings"
)

// compare shows what differs between two states, or since they parted.
func (s *Server) compare(c *call) answer {
	p, a := s.project(c, 0)
	if p == nil {
		return a
	}
	query := c.URL.Query()
	from, ok1 := readCommit(p.Dir, query.Get("from"))
	to, ok2 := readCommit(p.Dir, query.Get("to"))
	if !ok1 || !ok2 {
		return notFound("Ref")
	}
	dots := "..."
	if query.Get("straight") == "true" {
		dots = ".."
	}
	diffs, err := diffs(p.Dir, from.sha+dots+to.sha)
	if err != nil {
		return refuse(http.StatusInternalServerError, err.Error())
	}
	return ok(object{"diffs": diffs, "compare_timeout": false, "compare_same_ref": from.sha == to.sha})
}

func diffs(dir, span string) ([]object, error) {
	out, err := runGit(dir, "diff", "--name-status", "-z", "--find-renames", span)
	if err != nil {
		return nil, err
	}
	rows := []object{}
	fields := strings.Split(strings.TrimRight(out, "\x00"), "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		kind, before := fields[i], fields[i+1]
		after := before
		if kind[0] == 'R' {
			i++
			after = fields[i+1]
		}
		rows = append(rows, object{
			"old_path": before, "new_path": after, "new_file": kind == "A", "deleted_file": kind == "D", "renamed_file": kind[0] == 'R', "diff": "",
		})
	}
	return rows, nil
}
