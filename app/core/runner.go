package core

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Runner is who claims builds: a process with slots on some machine. The server's own
// pool is one too.
type Runner struct {
	ID       string
	Name     string
	Labels   []string // an operator's; AllLabels has those of the platform too
	Embedded bool     // part of a server, and there as long as that has slots
	Enabled  bool     // false: it gets no builds

	// What it says of itself.
	Platform string // system and processor in our words, "macos/arm64"
	Version  string
	Slots    int  // builds at once; 0: none while its disk is almost full
	Draining bool // it takes no more builds, and ends with the last
	Session  string

	SessionAt  time.Time // when Session was first heard of; zero: before that was kept
	LastSeenAt time.Time // zero: never
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// RunnerBeat is what a runner says of itself, at its start and every BeatEvery.
type RunnerBeat struct {
	RunnerID string
	Session  string // of the process
	First    bool   // the process has just started, so it holds no builds
	Platform string
	Version  string
	Slots    int // builds at once; 0: none while its disk is almost full
	Draining bool
}

const (
	// BeatEvery is the time between two beats.
	BeatEvery = 20 * time.Second
	// runnerSilence is after how long without a beat a runner counts as offline.
	runnerSilence = 3 * BeatEvery
	maxSlots      = 256
)

// ArtifactPart is the size, in bytes, of the parts in which a remote runner sends a
// file, but for the last.
const ArtifactPart = 8 << 20

// CodePartMissing refuses to put together a file of which a part is not there: send
// the file again.
const CodePartMissing = "part_missing"

// CodeArtifactJoining says that a file is still being put together of its parts: ask again
// in a while.
const CodeArtifactJoining = "artifact_joining"

// RunnerProtocol is the version of what runners and servers say to each other. It counts up
// when a runner of before would do wrong with it, and not for a field more: that is left
// alone by who does not know it. 0: from before it was said.
const RunnerProtocol = 1

// CodeRunnerProtocol refuses a runner that is too old or too new for the server.
const CodeRunnerProtocol = "runner_protocol"

// UnderstandRunner tells whether a server works with a runner: one version apart is well,
// so that servers and runners are upgraded, and go back, one after another. KindConflict
// says what to update.
func UnderstandRunner(runner, server int) error {
	switch {
	case runner < server-1:
		return Codef(KindConflict, CodeRunnerProtocol, "The runner is too old for this server (it speaks version %d of their protocol, the server %d): update the runner", runner, server)
	case runner > server+1:
		return Codef(KindConflict, CodeRunnerProtocol, "The runner is too new for this server (it speaks version %d of their protocol, the server %d): update the server", runner, server)
	}
	return nil
}

// CodeRunnerReplaced refuses a process whose runner another process speaks for now.
const CodeRunnerReplaced = "runner_replaced"

// RunnerState says in a word whether a runner takes builds.
type RunnerState string

// The states of a runner.
const (
	RunnerOnline   RunnerState = "online"
	RunnerDraining RunnerState = "draining"  // it ends with its last build
	RunnerPaused   RunnerState = "paused"    // an operator gives it no builds
	RunnerFull     RunnerState = "disk_full" // it takes no builds before there is room on its disk
	RunnerOffline  RunnerState = "offline"   // it has not been heard of for a minute
)

// RunnerStates lists them.
func RunnerStates() []RunnerState {
	return []RunnerState{RunnerOnline, RunnerDraining, RunnerPaused, RunnerFull, RunnerOffline}
}

// State tells whether the runner takes builds.
func (r Runner) State(now time.Time) RunnerState {
	switch {
	case now.Sub(r.LastSeenAt) > runnerSilence:
		return RunnerOffline
	case r.Draining:
		return RunnerDraining
	case !r.Enabled:
		return RunnerPaused
	case r.Slots == 0:
		return RunnerFull
	}
	return RunnerOnline
}

// AllLabels are the labels that builds may ask for: the operator's, those of the
// platform, and built-in for a server's own pool.
func (r Runner) AllLabels() []string {
	labels := slices.Concat(r.Labels, r.ownLabels())
	slices.Sort(labels)
	return slices.Compact(labels)
}

func (r Runner) ownLabels() []string {
	var labels []string
	if r.Platform != "" {
		labels = strings.Split(r.Platform, "/")
	}
	if r.Embedded {
		labels = append(labels, "built-in")
	}
	return labels
}

// SetLabels takes an operator's labels; those that the runner has by itself are left
// out, so that what was read can be written back.
func (r *Runner) SetLabels(labels []string) {
	own := r.ownLabels()
	r.Labels = []string{}
	for _, label := range labels {
		if label = strings.TrimSpace(label); !slices.Contains(own, label) && !slices.Contains(r.Labels, label) {
			r.Labels = append(r.Labels, label)
		}
	}
}

// Platform writes Go's names of system and processor in the words of labels.
func Platform(goos, goarch string) string {
	words := map[string]string{"darwin": "macos", "amd64": "x64"}
	return orElse(words[goos], goos) + "/" + orElse(words[goarch], goarch)
}

var platformForm = regexp.MustCompile(`^[a-z0-9]{1,32}/[a-z0-9_]{1,32}$`)

// Validate checks what a person or a runner gave: KindInvalid names what is wrong.
func (r Runner) Validate() error {
	if wrong := checkName(r.Name); wrong != "" {
		return Errorf(KindInvalid, "name %s", wrong)
	}
	if wrong := checkCount(len(r.Labels), maxListItems); wrong != "" {
		return Errorf(KindInvalid, "labels %s", wrong)
	}
	for _, label := range r.Labels {
		if wrong := checkLabel(label); wrong != "" {
			return Errorf(KindInvalid, "labels: %q %s", truncate(label, 40), wrong)
		}
	}
	return validSelf(r.Platform, r.Version, r.Slots)
}

// Validate checks what a runner says of itself: KindInvalid names what is wrong.
func (b RunnerBeat) Validate() error {
	if b.Session == "" || checkName(b.Session) != "" {
		return Errorf(KindInvalid, "session: send an id of the process, the same in every beat")
	}
	return validSelf(b.Platform, b.Version, b.Slots)
}

func validSelf(platform, version string, slots int) error {
	switch {
	case !platformForm.MatchString(platform):
		return Errorf(KindInvalid, `platform must be system and processor, like "linux/x64" or "macos/arm64"`)
	case version != "" && checkName(version) != "":
		return Errorf(KindInvalid, "version %s", checkName(version))
	case slots < 0 || slots > maxSlots:
		return Errorf(KindInvalid, "slots must be a number from 0 to %d", maxSlots)
	}
	return nil
}

// RunnerStore keeps the runners.
type RunnerStore interface {
	CreateRunner(ctx context.Context, r Runner) error // KindConflict for a used id
	FindRunner(ctx context.Context, id string) (Runner, error)
	ListRunners(ctx context.Context) ([]Runner, error) // by name
	// UpdateRunner stores what an operator decides: name, labels and whether it is
	// enabled. What the runner says of itself is left alone.
	UpdateRunner(ctx context.Context, r Runner) error
	// SaveBeat stores what a runner says of itself, and that it was seen. A beat that is
	// not the process's first must come from the process whose first was the last one,
	// else KindNotFound.
	SaveBeat(ctx context.Context, b RunnerBeat, at time.Time) (Runner, error)
	DeleteRunner(ctx context.Context, id string) error
}
