package main

import "strings"

// keepsPromises asks oore verify, at the end of a test that made trouble.
func (p *program) keepsPromises() {
	p.t.Helper()
	if a := p.command(nil, "verify", "--blobs"); a.code != 0 || strings.Contains(a.stdout, "BROKEN") {
		p.t.Errorf("oore verify: %+v", a)
	}
}
