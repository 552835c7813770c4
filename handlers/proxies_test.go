package handlers

import (
	"net/netip"
	"strings"
	"testing"
)

func TestWhoAsksBehindProxies(t *testing.T) {
	trusted := proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct{ header, want string }{
		{"", "10.0.0.1"},
		{"198.51.100.7", "198.51.100.7"},
		{"198.51.100.7:4711", "198.51.100.7"},
		{"2001:db8::7", "2001:db8::7"},
		{"[2001:db8::7]", "2001:db8::7"},
		{"[2001:db8::7]:4711", "2001:db8::7"},
		{"::ffff:198.51.100.7", "198.51.100.7"},
		{"203.0.113.9, 198.51.100.7", "198.51.100.7"}, // the first is the asker's own word
		{"203.0.113.9,198.51.100.7, 10.0.0.2,10.0.0.3", "198.51.100.7"},
		{"203.0.113.9, 198.51.100.7, fd00::1", "198.51.100.7"},
		{"10.0.0.3, 10.0.0.2", "10.0.0.3"}, // a proxy asks for itself
		{"127.0.0.1, 198.51.100.7", "198.51.100.7"},
		{"198.51.100.7, unknown", "10.0.0.1"},
		{"198.51.100.7, 10.0.0.2, _hidden", "10.0.0.1"},
		{"198.51.100.7, unknown, 10.0.0.2", "10.0.0.2"},
		{"198.51.100.7,", "10.0.0.1"},
		{"fe80::1%eth0", "fe80::1"},
	} {
		if got := trusted.asker(netip.MustParseAddr("10.0.0.1"), strings.Split(c.header, ",")).String(); got != c.want {
			t.Errorf("%q: %s, want %s", c.header, got, c.want)
		}
	}
}

// Whoever asks by a proxy can write what they like to the left of what the proxy adds, and
// is known by what the proxy adds.
func FuzzWhoAsks(f *testing.F) {
	for _, seed := range []string{"", "127.0.0.1", "10.0.0.1, ::1", "[::1]:80,,", "fe80::1%eth0", "198.51.100.9:99999", ",", "unknown"} {
		f.Add(seed)
	}
	trusted := proxies{netip.MustParsePrefix("10.0.0.0/8")}
	peer := netip.MustParseAddr("10.0.0.1")
	f.Fuzz(func(t *testing.T, claim string) {
		if got := trusted.asker(peer, strings.Split(claim+",198.51.100.7, 10.0.0.2", ",")); got.String() != "198.51.100.7" {
			t.Errorf("%q makes it %s", claim, got)
		}
		if got := trusted.asker(peer, strings.Split(claim, ",")); !got.IsValid() || got.Zone() != "" || got.Is4In6() {
			t.Errorf("%q makes it %s", claim, got)
		}
	})
}
