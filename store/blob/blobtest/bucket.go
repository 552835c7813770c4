// Package blobtest gives tests a real S3 server.
package blobtest

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Keys of the server.
const (
	AccessKey = "testkey"
	SecretKey = "testsecret"
)

// root is the repository's folder.
func root() string {
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	return dir
}

// NewBucket starts a real S3 server on a folder and returns the address of a bucket
// there, which ends with the test. The keys are put into the environment.
func NewBucket(t *testing.T) (address, dir string) {
	t.Helper()
	program, err := exec.LookPath("versitygw")
	if err != nil {
		program, err = filepath.Join(root(), ".ci/bin/versitygw"), nil
	}
	if err == nil {
		_, err = os.Stat(program)
	}
	if err != nil {
		t.Fatalf("%v; `make deps` installs it", err)
	}
	dir = t.TempDir()
	meta := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "oore"), 0o700); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := ln.Addr().String()
	ln.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", SecretKey)
	server := exec.Command(program, "--access", AccessKey, "--secret", SecretKey, "--port", host, "posix", "--sidecar", meta, dir)
	var said bytes.Buffer
	server.Stdout, server.Stderr = &said, &said
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			t.Logf("the S3 server said:\n%s", said.String())
		}
	})
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if conn, err := net.Dial("tcp", host); err == nil {
			conn.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal("the S3 server does not listen")
		}
	}
	return "s3://oore/some/prefix?endpoint=http://" + host + "&region=us-east-1", dir
}
