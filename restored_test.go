package main

import (
	"strings"
	"testing"

	"github.com/oore-ci/oore/store/storetest"
)

func TestRestoredIsSaidOfADatabaseThatNobodyUses(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		p := newProgram(t, url, nil).start()
		if a := p.command(nil, "restored"); a.code != exitFailed || !strings.Contains(a.stderr, "another Oore runs") {
			t.Errorf("beside a server: %+v", a)
		}
		p.stop()
		if a := p.command(nil, "restored", "x"); a.code != exitUsage {
			t.Errorf("with an argument: %+v", a)
		}
		if a := p.command(nil, "restored"); a.code != 0 || !strings.Contains(a.stdout, "oore blobs own") {
			t.Errorf("%+v", a)
		}
		if a := p.command(nil, "verify"); a.code != 0 {
			t.Errorf("%+v", a)
		}
		p.start()
	})
}
