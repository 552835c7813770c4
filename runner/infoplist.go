package runner

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"howett.net/plist"

	"github.com/oore-ci/oore/app/core"
)

// lenient is a field of a property list that may be of another type: then it is empty.
type lenient[T any] struct{ v T }

// UnmarshalPlist implements plist.Unmarshaler.
func (l *lenient[T]) UnmarshalPlist(unmarshal func(any) error) error {
	if unmarshal(&l.v) != nil {
		l.v = *new(T)
	}
	return nil
}

type (
	plistText  = lenient[string]
	plistTexts = lenient[[]plistText]
	plistIcons = lenient[struct {
		Primary lenient[struct {
			Files plistTexts `plist:"CFBundleIconFiles"`
		}] `plist:"CFBundlePrimaryIcon"`
	}]
)

// appInfo is what we read of an Info.plist. The rest is not unfolded: a list may hold
// the same list twice, that one another twice, and so on.
type appInfo struct {
	BundleID    plistText  `plist:"CFBundleIdentifier"`
	Version     plistText  `plist:"CFBundleShortVersionString"`
	Build       plistText  `plist:"CFBundleVersion"`
	Name        plistText  `plist:"CFBundleName"`
	DisplayName plistText  `plist:"CFBundleDisplayName"`
	Icons       plistIcons `plist:"CFBundleIcons"`
	PadIcons    plistIcons `plist:"CFBundleIcons~ipad"`
	IconFiles   plistTexts `plist:"CFBundleIconFiles"`
	IconFile    plistText  `plist:"CFBundleIconFile"`
}

// readPlist reads a property list, binary or XML.
func readPlist(data []byte, into any) (err error) {
	defer func() { // the library panics at some lists that are damaged
		if p := recover(); p != nil {
			err = fmt.Errorf("its property list is damaged: %v", p)
		}
	}()
	if _, err := plist.Unmarshal(data, into); err != nil {
		return fmt.Errorf("its property list is damaged: %w", err)
	}
	return nil
}

// noteInfoPlist notes what an application's property list says.
func noteInfoPlist(data []byte, a *core.Artifact) (appInfo, error) {
	var info appInfo
	if err := readPlist(data, &info); err != nil {
		return info, err
	}
	a.AddMetadata(core.MetaBundleID, info.BundleID.v)
	a.AddMetadata(core.MetaVersion, info.Version.v)
	a.AddMetadata(core.MetaBuildNumber, info.Build.v)
	a.AddMetadata(core.MetaTitle, info.Name.v)
	a.AddMetadata(core.MetaTitle, info.DisplayName.v) // the better one
	return info, nil
}

// describeIPA notes what the application in an IPA says of itself, looks like and is
// signed for.
func describeIPA(archive *zip.Reader, a *core.Artifact) error {
	const pattern = "Payload/*.app/Info.plist"
	at := slices.IndexFunc(archive.File, func(f *zip.File) bool {
		ok, err := path.Match(pattern, f.Name)
		return ok && err == nil
	})
	if at < 0 {
		return errors.New("it has no " + pattern)
	}
	data, err := unpacked(archive.File[at], maxInfoPlist)
	if err != nil {
		return err
	}
	info, err := noteInfoPlist(data, a)
	if err != nil {
		return err
	}
	dir := path.Dir(archive.File[at].Name)
	a.Icon = info.icon(archive, dir)
	if data, err := archiveFile(archive, dir+"/embedded.mobileprovision", maxProfile); err == nil {
		noteProfile(data, a)
	}
	return nil
}

// icon is the largest image of those that the list names. It names them without what
// stands for the screen: AppIcon60x60 is AppIcon60x60@2x.png, or …@2x~ipad.png.
func (p appInfo) icon(archive *zip.Reader, dir string) []byte {
	names := slices.Concat(p.Icons.v.Primary.v.Files.v, p.PadIcons.v.Primary.v.Files.v, p.IconFiles.v, []plistText{p.IconFile})
	var files []*zip.File
	for _, f := range archive.File {
		file, inDir := strings.CutPrefix(f.Name, dir+"/")
		if inDir && path.Ext(file) == ".png" && slices.ContainsFunc(names[:min(len(names), maxValues)], func(name plistText) bool {
			rest, ok := strings.CutPrefix(file, strings.TrimSuffix(name.v, ".png"))
			return ok && name.v != "" && (rest == ".png" || strings.HasPrefix(rest, "@") || strings.HasPrefix(rest, "~"))
		}) {
			files = append(files, f)
		}
	}
	slices.SortStableFunc(files, func(a, b *zip.File) int { return cmp.Compare(b.UncompressedSize64, a.UncompressedSize64) })
	for _, f := range files[:min(len(files), maxImages)] {
		data, err := unpacked(f, maxImage)
		if err != nil {
			continue
		}
		if icon, err := smallIcon(data); err == nil {
			return icon
		}
	}
	return nil
}

// maxProfile bounds a provisioning profile: one for 1,000 devices has 60 kB.
const maxProfile = 512 << 10

// noteProfile notes for which devices an application is signed. A profile is a signed
// message around a property list in plain text; whether the signature is good is the
// device's business.
func noteProfile(data []byte, a *core.Artifact) {
	from, to := bytes.Index(data, []byte("<?xml")), bytes.LastIndex(data, []byte("</plist>"))
	if from < 0 || to < from {
		return
	}
	var profile struct {
		Devices plistTexts    `plist:"ProvisionedDevices"`
		All     lenient[bool] `plist:"ProvisionsAllDevices"`
		Expires time.Time     `plist:"ExpirationDate"`
	}
	if readPlist(data[from:to+len("</plist>")], &profile) != nil {
		return
	}
	switch {
	case profile.All.v:
		a.AddMetadata(core.MetaDistribution, core.DistributionEnterprise)
	case len(profile.Devices.v) > 0:
		a.AddMetadata(core.MetaDistribution, core.DistributionDevices)
		a.AddMetadata(core.MetaDevices, strconv.Itoa(len(profile.Devices.v)))
	default:
		a.AddMetadata(core.MetaDistribution, core.DistributionStore)
	}
	if !profile.Expires.IsZero() {
		a.AddMetadata(core.MetaProfileExpires, profile.Expires.UTC().Format(time.RFC3339))
	}
}
