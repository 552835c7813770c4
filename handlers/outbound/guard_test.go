package outbound

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

func TestOnlyPublicAddressesMayBeDialed(t *testing.T) {
	for _, c := range []struct {
		address string
		want    bool
	}{
		{"93.184.216.34:443", true},
		{"93.184.216.34:80", true},
		{"93.184.216.34:8065", true},
		{"[2606:4700:4700::1111]:443", true},
		{"93.184.216.34:25", false},
		{"93.184.216.34:22", false},
		{"[2606:4700:4700::1111]:587", false}, // no port of ours
		{"127.0.0.1:80", false},
		{"127.8.9.10:8080", false},
		{"[::1]:80", false},
		{"0.0.0.0:80", false},
		{"0.1.2.3:80", false},
		{"[::]:80", false},
		{"10.1.2.3:443", false},
		{"172.16.0.1:443", false},
		{"172.31.255.255:443", false},
		{"192.168.1.1:443", false},
		{"[fd00::1]:443", false},
		{"[fc12::1]:443", false},
		{"172.32.0.1:443", true},
		{"192.167.1.1:443", true},
		{"169.254.0.1:80", false},
		{"[fe80::1]:80", false},
		{"[fe80::1%eth0]:80", false},
		{"[fec0::1]:80", false},
		{"169.254.169.254:80", false},
		{"[fd00:ec2::254]:80", false},
		{"100.100.100.200:80", false},
		{"168.63.129.16:80", false},
		{"192.0.0.192:80", false}, // metadata
		{"100.64.0.1:80", false},
		{"100.127.255.255:80", false},
		{"100.128.0.1:80", true},
		{"224.0.0.1:80", false},
		{"239.1.2.3:80", false},
		{"[ff02::1]:80", false},
		{"255.255.255.255:80", false},
		{"240.0.0.1:80", false},
		{"192.0.2.1:80", false},
		{"198.51.100.1:80", false},
		{"203.0.113.1:80", false},
		{"198.18.0.1:80", false},
		{"[2001:db8::1]:80", false},
		{"[::ffff:127.0.0.1]:80", false},
		{"[::ffff:10.0.0.1]:80", false},
		{"[::ffff:169.254.169.254]:80", false},
		{"[::ffff:93.184.216.34]:80", true},
		{"[::127.0.0.1]:80", false}, // IPv4-compatible
		{"[64:ff9b::7f00:1]:80", false},
		{"[64:ff9b::a9fe:a9fe]:80", false},
		{"[64:ff9b::5db8:d822]:80", true}, // NAT64
		{"[64:ff9b:1::1]:80", false},
		{"[2002:7f00:1::1]:80", false},
		{"[2001:0:1::1]:80", false}, // 6to4, Teredo
	} {
		if got := newGuard(Options{}).admit(c.address, false) == nil; got != c.want {
			t.Errorf("%s: %v", c.address, got)
		}
	}
}

func TestTheOperatorsNetworksMayBeDialed(t *testing.T) {
	g := newGuard(Options{Networks: prefixes([]string{"10.1.0.0/16", "fd00:1::/32"})})
	for address, want := range map[string]bool{
		"10.1.2.3:25": true, "[::ffff:10.1.2.3]:8065": true, "[fd00:1::5]:80": true,
		"10.2.0.1:80": false, "127.0.0.1:80": false, "[fd00:2::1]:80": false, "[64:ff9b::a01:203]:80": false,
	} {
		if got := g.admit(address, false) == nil; got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	if err := g.admit("no address", true); err == nil {
		t.Error("what is no address may be dialed")
	}
}

// FuzzNoHostIsAnAddressInDisguise reads hosts as the resolvers of C libraries do: what
// those take for an IPv4 address is one to us, or refused.
func FuzzNoHostIsAnAddressInDisguise(f *testing.F) {
	for _, seed := range []string{"2130706433", "0x7f.1", "0177.0.0.1", "127.1", "0", "1.2.3.4", "4.example", "example.4", "0x", "0xg", "1..2", ".", "٣.1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if _, err := netip.ParseAddr(host); err != nil && readByC(host) && !disguised(host) {
			t.Errorf("%q is an address to some", host)
		}
	})
}

// readByC is inet_aton(3): one to four numbers, each decimal, octal or hexadecimal.
func readByC(host string) bool {
	parts := strings.Split(host, ".")
	for _, part := range parts {
		if _, err := strconv.ParseUint(part, 0, 32); err != nil || strings.ContainsAny(part[1:], "_bBoO") && !strings.HasPrefix(part, "0x") {
			return false
		}
	}
	return len(parts) <= 4
}
