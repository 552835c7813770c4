package runner

import (
	"os"
	"syscall"
)

const sandboxExec = "/usr/bin/sandbox-exec"

// sandboxLevel is 1 where sandbox-exec is, which Apple calls deprecated and gives no
// successor for programs like ours.
func sandboxLevel() (level int, lack string) {
	if _, err := os.Stat(sandboxExec); err != nil {
		return 0, "this system has no " + sandboxExec
	}
	return 1, ""
}

// systemPaths are what the system itself hides from builds and lets them write to:
// /var/folders has the temporary folder and the caches of each user.
func systemPaths() (hidden, writable []string) { return nil, []string{"/dev", "/var/folders"} }

// caches are the folders of a home in which tools keep what they download, and what
// they remember: those that any build may be the first to want, and others.
func caches() (common, others []string) {
	common = []string{
		".android", ".cocoapods", ".config/flutter", ".dart-tool", ".dartServer", ".fvm", ".gradle", ".java", ".konan", ".kotlin", ".m2", ".npm",
		".pub-cache", ".swiftpm", "fvm", "go/pkg",
	}
	others = []string{
		".bundle", ".cache", ".dart", ".fastlane", ".flutter-devtools", ".gem", "Library/Android/sdk", "Library/Caches", "Library/Developer",
		"Library/Keychains", "Library/Logs", "Library/MobileDevice", "Library/org.swift.swiftpm", "Library/pnpm", "Library/Preferences",
	}
	return common, others
}

// cell starts the commands of a build, each within the profile.
type cell struct{ profile string }

func newCell(s *sandbox) (*cell, error) { return &cell{profile: s.seatbelt()}, nil }

func (c *cell) fork(argv []string, attr *syscall.ProcAttr) (pid int, err error) {
	return syscall.ForkExec(sandboxExec, append([]string{sandboxExec, "-p", c.profile}, argv...), attr)
}

func (c *cell) close() {}
