package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// The arguments of a helper: our own program, started as a process of the build, so
// that it reads and writes what the build may and nothing else, costs the server no
// memory, and ends when the build is stopped.
const (
	packArg   = "__pack"
	unpackArg = "__unpack"
)

const (
	// cachePatience is how long one entry may take.
	cachePatience = 10 * time.Minute
	// archivePatience is how long the rest of an archive is read when its helper has ended.
	archivePatience = 10 * time.Second
)

var errCacheSlow = errors.New("it takes longer than " + shortDuration(cachePatience))

// runCacheHelper packs into, or unpacks from, the lifeLine's descriptor and prints the
// report. It does not return.
func runCacheHelper(verb, request string) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	syscall.Umask(0) // files are to have the modes that they had
	var call cacheCall
	err := json.Unmarshal([]byte(request), &call)
	archive := os.NewFile(lifeLine, "archive")
	var r cacheReport
	switch {
	case err != nil:
	case verb == packArg:
		r, err = pack(ctx, archive, call)
	default:
		r, err = unpack(ctx, archive, call)
	}
	stop()
	if err != nil {
		r.Error = err.Error()
	}
	_ = json.NewEncoder(os.Stdout).Encode(r)
	os.Exit(0)
}

// cacheHelp runs a helper on the archive, which it closes.
func (b *build) cacheHelp(ctx context.Context, verb string, paths []string, archive *os.File) (r cacheReport, err error) {
	ctx, done := context.WithTimeoutCause(ctx, cachePatience, errCacheSlow)
	defer done()
	call := cacheCall{Paths: paths, Workspace: ".", Home: b.pool.env["HOME"], MaxFiles: maxCacheFiles, MaxBytes: maxCacheBytes}
	if b.pool.limit > 0 {
		call.MaxBytes = min(call.MaxBytes, b.pool.limit)
	}
	request, err := json.Marshal(call)
	if err != nil {
		_ = archive.Close()
		return r, err
	}
	answer, complaint := &tailBuffer{limit: 256 << 10}, &tailBuffer{limit: 1 << 10}
	end, err := b.spawn(ctx, command{
		argv: []string{b.pool.exe, verb, string(request)}, dir: b.dir, sandbox: b.sandbox(),
		env: append(environ(b.hostEnv()), buildMark+"="+b.job.Build.ID),
	}, archive, answer, complaint)
	if err != nil {
		return r, err
	}
	if json.Unmarshal(answer.data, &r) != nil {
		return r, fmt.Errorf("its helper ended with exit code %d: %s", end.Code, strings.TrimSpace(complaint.String()))
	}
	if r.Error != "" {
		err = errors.New(r.Error)
	}
	return r, err
}

// packInto runs a helper that packs, and writes what it gives into the entry.
func (b *build) packInto(ctx context.Context, w *cacheWriter, paths []string) (cacheReport, error) {
	from, to, err := pipe()
	if err != nil {
		return cacheReport{}, err
	}
	defer func() { _ = from.Close() }()
	widen(to)
	type copied struct {
		n   int64
		err error
	}
	done := make(chan copied, 1)
	go func() {
		n, err := io.Copy(w, from)
		_ = from.Close() // a helper whose archive is not wanted ends
		done <- copied{n, err}
	}()
	r, err := b.cacheHelp(ctx, packArg, paths, to)
	// What a build left behind could hold the pipe.
	_ = from.SetReadDeadline(time.Now().Add(archivePatience))
	c := <-done
	switch {
	case ctx.Err() != nil:
		return r, context.Cause(ctx)
	case c.err != nil:
		return r, c.err
	case err == nil && c.n != r.Stored:
		err = fmt.Errorf("%d of %d bytes came", c.n, r.Stored)
	}
	return r, err
}
