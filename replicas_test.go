package main

import (
	"crypto/rand"
	"encoding/base64"
	"testing"
)

// shared are the settings that several servers on one database have in common.
func shared(t testing.TB) []string {
	t.Helper()
	var key [32]byte
	rand.Read(key[:])
	return []string{"OORE_ENCRYPTION_KEY=" + base64.StdEncoding.EncodeToString(key[:]), "OORE_BLOB_URL=" + t.TempDir()}
}
