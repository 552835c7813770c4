package gitlabtest

import (
	"fmt"
	"maps"
)

// NotePayload is an event of a comment, on a merge request that the double knows. Action
// "create" comes when it is written and "update" when it is edited; before GitLab 16.11
// there was none, which is "" here.
func (s *Server) NotePayload(p Project, action string, n Note) []byte {
	out := s.load("note_merge_request", p)
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byID(p.ID)
	mr := found.mergeRequest(n.Number)
	if mr == nil {
		panic(fmt.Sprintf("gitlabtest: %s has no merge request !%d", p.FullName, n.Number))
	}
	out["user"] = object{"id": n.Author.ID, "name": n.Author.Username, "username": n.Author.Username, "email": "[REDACTED]"}
	address := s.mergeRequestURL(found, mr)
	note := out["object_attributes"].(object)
	maps.Copy(note, object{
		"id": n.ID, "note": n.Body, "description": n.Body, "author_id": n.Author.ID, "project_id": p.ID, "noteable_id": mr.Number + 5000,
		"internal": n.Internal, "action": action, "url": fmt.Sprintf("%s#note_%d", address, n.ID),
	})
	if n.Internal {
		out["event_type"] = "confidential_note"
	}
	if action == "" {
		delete(note, "action")
	}
	if action == "update" || n.Edits > 0 {
		note["updated_by_id"] = n.Author.ID
	}
	in := out["merge_request"].(object)
	maps.Copy(in, object{
		"id": mr.Number + 5000, "iid": mr.Number, "title": mr.Title, "state": mr.State, "draft": mr.Draft, "work_in_progress": mr.Draft, "url": address,
		"source_branch": mr.SourceBranch, "target_branch": mr.TargetBranch, "source_project_id": mr.sourceProject(p), "target_project_id": p.ID,
		"author_id": mr.author.ID, "last_commit": s.pushCommit(p, mr.SHA),
	})
	s.describe(in["target"].(object), p)
	return encode(out)
}
