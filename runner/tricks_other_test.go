//go:build !linux

package runner

// play has nothing to do where the escapes are not tried.
func play(string) {}
