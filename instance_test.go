package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStorageIsMeasured(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{"oore.db": 10, "oore.db-wal": 5, "blobs/ab/one": 100, "blobs/cd/two": 11, "mirrors/x/pack": 7} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg := Config{DataDir: dir, BlobDir: filepath.Join(dir, "blobs"), DatabaseURL: "sqlite:" + filepath.Join(dir, "oore.db")}
	got := map[string]int64{}
	kept := measure(cfg)(t.Context())
	for _, part := range kept.Parts {
		got[strings.TrimPrefix(part.Path, dir+"/")] = part.Bytes
		if !part.Whole {
			t.Errorf("%s is not whole", part.Path)
		}
	}
	if got["oore.db"] != 15 || got["blobs"] != 111 || got["mirrors"] != 7 || got["cache"] != 0 || kept.Total < kept.Free || kept.Free <= 0 {
		t.Errorf("%v, %d of %d free", got, kept.Free, kept.Total)
	}
	late, cancel := context.WithCancel(t.Context())
	cancel()
	if measure(cfg)(late).Parts[1].Whole {
		t.Error("a measuring that was broken off calls itself whole")
	}
}

// TestFactsTellNoSecrets gives every secret setting and looks for it.
func TestFactsTellNoSecrets(t *testing.T) {
	const secret = "s3cr3t-value"
	cfg := Config{
		AdminToken: secret, MetricsToken: secret, EncryptionKey: []byte(secret), GitHubPrivateKey: secret, GitHubWebhookSecret: secret, GitLabToken: secret,
		GitLabWebhookSecret: secret, SlackSigningSecret: secret, SlackBotToken: secret, SMTPURL: "smtp://u:" + secret + "@mail", DatabaseURL: "postgres://u:" + secret + "@db/oore",
	}
	for _, f := range facts(cfg) {
		if strings.Contains(f.Value, secret) || f.Name == "" {
			t.Errorf("%s: %s", f.Name, f.Value)
		}
	}
}
