package localgit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// maxMessage bounds what is kept of a commit's message, in bytes.
const maxMessage = 16 << 10

// readCommits reads what revisions name, nil for those that name no commit. One
// process reads all, and none of git's settings (signatures, pagers, mailmaps) has a
// say in it, as it would in git log.
func readCommits(ctx context.Context, gitDir string, revisions []string) ([]*core.Commit, error) {
	var ask strings.Builder
	for _, r := range revisions {
		ask.WriteString(r + "^{commit}\n")
	}
	out, err := git(ctx, gitCall{dir: gitDir, stdin: ask.String(), args: []string{"cat-file", "--batch"}})
	if err != nil {
		return nil, err
	}
	commits := make([]*core.Commit, 0, len(revisions))
	r := bufio.NewReader(strings.NewReader(out))
	for range revisions {
		c, err := nextCommit(r)
		if err != nil {
			return nil, fmt.Errorf("read the answer of git cat-file: %w", err)
		}
		commits = append(commits, c)
	}
	return commits, nil
}

// nextCommit reads "<id> commit <size>" and the object, or "<revision> missing".
func nextCommit(r *bufio.Reader) (*core.Commit, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	words := strings.Fields(line)
	if len(words) != 3 || words[1] != "commit" {
		if last := words[len(words)-1]; last == "missing" || last == "ambiguous" {
			return nil, nil
		}
		return nil, fmt.Errorf("unexpected line %q", line)
	}
	size, err := strconv.Atoi(words[2])
	if err != nil {
		return nil, err
	}
	object := make([]byte, size+1) // and a line feed
	if _, err := io.ReadFull(r, object); err != nil {
		return nil, err
	}
	c := parseCommit(strings.ToValidUTF8(string(object), "\uFFFD"))
	c.SHA = words[0]
	return &c, nil
}

func parseCommit(object string) core.Commit {
	header, message, _ := strings.Cut(object, "\n\n")
	message = strings.TrimSpace(message)
	c := core.Commit{Message: strings.ToValidUTF8(message[:min(len(message), maxMessage)], "")}
	for line := range strings.Lines(header) {
		if author, ok := strings.CutPrefix(line, "author "); ok {
			name, _, _ := strings.Cut(author, " <")
			c.Author = name
		}
		if committer, ok := strings.CutPrefix(line, "committer "); ok {
			c.At = committedAt(committer)
			break
		}
	}
	return c
}

// committedAt reads "Ann <a@b> 1700000000 +0100"; zero: it is not so.
func committedAt(committer string) time.Time {
	_, after, _ := strings.Cut(committer, "> ")
	seconds, _, _ := strings.Cut(after, " ")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n <= 0 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// findCommit reads the first of the revisions that names a commit.
func findCommit(ctx context.Context, gitDir string, revisions []string) (core.Commit, error) {
	commits, err := readCommits(ctx, gitDir, revisions)
	if err != nil {
		return core.Commit{}, err
	}
	for _, c := range commits {
		if c != nil {
			return *c, nil
		}
	}
	return core.Commit{}, errNoCommit
}

var errNoCommit = errors.New("no such commit")
