package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestTheDemoNeedsNoNetwork starts the demo where there is no network but the machine's own
// loopback, and sees its first build turn green (ux.md, acceptance 10).
func TestTheDemoNeedsNoNetwork(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	apart, into := []string{"--net"}, []string{"--net"}
	if os.Getuid() != 0 {
		apart, into = append(apart, "--map-root-user"), append(into, "--user", "--preserve-credentials")
	}
	if out, err := exec.Command("unshare", append(apart, "ip", "link", "set", "lo", "up")...).CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: NO NETWORK OF ITS OWN CAN BE MADE HERE: %v: %s", err, out)
	}
	began := time.Now()
	cmd := exec.Command("unshare", append(apart, "sh", "-c", `ip link set lo up && exec "$0" demo`, path)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	d := startDemo(t, cmd)
	into = append(into, "--target", strconv.Itoa(cmd.Process.Pid), "curl", "--silent")
	if exec.Command("curl", "--silent", "--max-time", "5", d.url+"/healthz").Run() == nil {
		t.Fatal("the demo is reached from outside: this test proves nothing")
	}
	eventually(t, "the first build of the demo is green", func() bool {
		out, err := exec.Command("nsenter", append(into, "--header", "Authorization: Bearer "+d.token, d.url+"/v1/builds/"+d.first)...).Output()
		return err == nil && strings.Contains(string(out), `"status":"succeeded"`)
	})
	t.Logf("green after %s; 90 s are the goal", time.Since(began).Round(time.Millisecond))
	if err := d.interrupt(t); err != nil {
		t.Errorf("it ended with %v", err)
	}
}
