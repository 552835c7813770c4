//go:build !chaos

package core

// CrashPoint is a moment between two durable steps at which a test may kill the process
// (build tag chaos). In the program that people run it does nothing. The name is a
// literal, and stands in one place.
func CrashPoint(string) {}
