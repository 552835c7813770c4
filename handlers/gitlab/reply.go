package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"github.com/oore-ci/oore/app/core"
)

// Reply implements core.Talker with a note that begins with a hidden line, by which it
// is found again and never read as a command. key is the id of the note that is
// answered.
func (r *Room) Reply(ctx context.Context, repo core.Repository, number int, key, body string) error {
	if !numericID.MatchString(key) {
		return core.Errorf(core.KindInvalid, "%q is no comment at GitLab", key)
	}
	s, err := r.seat(repo)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	marker := fmt.Sprintf("<!-- oore:reply c=%s -->", key)
	w := noteWriter{seat: s, number: number, marker: marker, body: marker + "\n" + inert(body)}
	if err := w.reply(ctx, id(key)); err != nil {
		return w.trouble(err)
	}
	return nil
}

// reply makes the answer to a note what it should be. It is younger than the note.
func (w noteWriter) reply(ctx context.Context, to id) error {
	known, err := w.find(ctx, newestFirst, to)
	switch {
	case err != nil:
		return err
	case known.Body == w.body:
		return nil
	case known.ID != "":
		if err := w.edit(ctx, known.ID); statusOf(err) != http.StatusNotFound {
			return err
		}
	}
	_, err = w.create(ctx)
	return err
}

// inert writes a body as GitLab keeps it, and lets no line of it be one that GitLab runs
// with our rights, as it does those that start with a slash. A space without width hides
// the slash; our own commands GitLab does not know, and people copy them.
func inert(body string) string {
	body = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(body)
	lines := strings.Split(strings.TrimRightFunc(body, unicode.IsSpace), "\n")
	for i, line := range lines {
		text := strings.TrimLeftFunc(line, unicode.IsSpace)
		word, _, _ := strings.Cut(line, " ")
		if strings.HasPrefix(text, "/") && word != "/oore" {
			lines[i] = strings.TrimSuffix(line, text) + "\u200b" + text
		}
	}
	return strings.Join(lines, "\n")
}
