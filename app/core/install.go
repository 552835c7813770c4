package core

import (
	"bytes"
	"fmt"
	"image/png"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Installable tells whether a phone can install such a file.
func (k ArtifactKind) Installable() bool { return k == ArtifactAPK || k == ArtifactIPA }

// Title is what the application is called under its icon, else the file's name.
func (a Artifact) Title() string { return orElse(a.Metadata[MetaTitle], a.Name) }

// InstallFaults says, a sentence each, why an iPhone or iPad cannot install an IPA from
// a page of ours; none: it can, if it is among the devices that the IPA is signed for.
// secure: the server's address is HTTPS.
func (a Artifact) InstallFaults(secure bool, now time.Time) []string {
	var faults []string
	if !secure {
		faults = append(faults, "This server's address is not https://…, and iOS installs over HTTPS alone. Whoever runs the server sets OORE_PUBLIC_URL.")
	}
	for _, lacks := range []struct{ meta, names string }{
		{MetaBundleID, "CFBundleIdentifier"},
		{MetaTitle, "CFBundleDisplayName or CFBundleName"},
	} {
		if a.Metadata[lacks.meta] == "" {
			faults = append(faults, "The app's Info.plist lacks "+lacks.names+".")
		}
	}
	if a.BundleVersion() == "" {
		faults = append(faults, "The app's Info.plist lacks CFBundleShortVersionString and CFBundleVersion.")
	}
	return append(faults, a.signingFaults(now)...)
}

// BundleVersion is the version that an iPhone asks for.
func (a Artifact) BundleVersion() string {
	return orElse(a.Metadata[MetaVersion], a.Metadata[MetaBuildNumber])
}

func (a Artifact) signingFaults(now time.Time) []string {
	switch a.Metadata[MetaDistribution] {
	case "":
		return []string{"The IPA has no provisioning profile, so it is not signed for any device. Export it with the method release-testing (ad hoc) or enterprise."}
	case DistributionStore:
		return []string{"The IPA is signed for the App Store. Export it with the method release-testing (ad hoc) or enterprise."}
	}
	end, err := time.Parse(time.RFC3339, a.Metadata[MetaProfileExpires])
	if err == nil && !now.Before(end) {
		return []string{fmt.Sprintf("The IPA's provisioning profile expired on %s. Renew it and build again.", end.Format("2 Jan 2006"))}
	}
	return nil
}

// PublicAddress tells whether a server at such an address can be asked by others in the
// internet, such as a forge that loads the images of a comment. A name is taken at its word.
func PublicAddress(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.Unmap()
		shared := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10) // carriers' own
		return ip.IsGlobalUnicast() && !ip.IsPrivate() && !shared.Contains(ip)
	}
	_, domain, dotted := strings.Cut(host, ".")
	if !dotted || domain == "" {
		return false
	}
	for _, inside := range []string{"local", "localhost", "internal", "home.arpa", "lan", "test", "invalid"} {
		if domain == inside || strings.HasSuffix(domain, "."+inside) {
			return false
		}
	}
	return true
}

func validIcon(icon []byte) bool {
	if len(icon) > MaxIcon {
		return false
	}
	config, err := png.DecodeConfig(bytes.NewReader(icon))
	return err == nil && config.Width <= MaxIconSide && config.Height <= MaxIconSide
}

// Release is a build that made something to install, and what it made.
type Release struct {
	Build     Build
	Artifacts []Artifact // by name
}
