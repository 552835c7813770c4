package runner

import (
	"archive/zip"
	"cmp"
	"errors"
	"iter"
	"path"
	"slices"

	"github.com/oore-ci/oore/app/core"
)

// Android's ids of the attributes that we look at; package has none.
const (
	attrLabel       = 0x01010001
	attrIcon        = 0x01010002
	attrDrawable    = 0x01010199
	attrVersionCode = 0x0101021b
	attrVersionName = 0x0101021c
)

// androidFormat is how an APK or an AAB keeps what we read of it.
type androidFormat struct {
	manifest, table, files string // paths in the archive; of files that the table names, what stands before theirs
	elements               func([]byte) iter.Seq[element]
	resources              func([]byte) resourceTable
}

func apkFormat() androidFormat {
	return androidFormat{manifest: "AndroidManifest.xml", table: "resources.arsc", elements: binaryElements, resources: binaryTable}
}

func aabFormat() androidFormat {
	return androidFormat{
		manifest: "base/manifest/AndroidManifest.xml", table: "base/resources.pb", files: "base/",
		elements: protoElements, resources: protoTable,
	}
}

// Of resources, unpacked.
const (
	maxTable    = 16 << 20 // most have a tenth of it
	maxDrawable = 64 << 10 // an icon that is an XML
)

// describe notes what the manifest says and, as far as the resources tell, what the
// application is called and looks like.
func (f androidFormat) describe(archive *zip.Reader, a *core.Artifact) error {
	data, err := archiveFile(archive, f.manifest, maxManifest)
	if err != nil {
		return err
	}
	label, icon, err := noteManifest(f.elements(data), a)
	if err != nil || label.ref == 0 && icon.ref == 0 {
		return err
	}
	data, err = archiveFile(archive, f.table, maxTable)
	if err != nil {
		return nil // an app without resources
	}
	table := f.resources(data)
	names := table.resolve(label.ref)
	slices.SortStableFunc(names, func(a, b resource) int { return cmp.Compare(number(a.local), number(b.local)) })
	if len(names) > 0 {
		a.AddMetadata(core.MetaTitle, names[0].text)
	}
	a.Icon = f.icon(archive, table, icon.ref)
	return nil
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// noteManifest notes what stands in the first element, and finds label and icon of the
// application.
func noteManifest(elements iter.Seq[element], a *core.Artifact) (label, icon value, err error) {
	err = errors.New("its manifest is damaged")
	for e := range elements {
		if err != nil {
			err = nil
			for _, at := range e.attributes {
				noteAttribute(a, at)
			}
		}
		if e.name != "application" {
			continue
		}
		for _, at := range e.attributes {
			switch at.id {
			case attrLabel:
				label = at.value
			case attrIcon:
				icon = at.value
			}
		}
		if label.ref == 0 {
			a.AddMetadata(core.MetaTitle, label.text)
		}
		break
	}
	return label, icon, err
}

func noteAttribute(a *core.Artifact, at xmlAttribute) {
	switch {
	case at.id == attrVersionCode || at.id == 0 && at.name == "versionCode":
		a.AddMetadata(core.MetaVersionCode, at.text)
	case at.id == attrVersionName || at.id == 0 && at.name == "versionName":
		a.AddMetadata(core.MetaVersionName, at.text)
	case at.name == "package":
		a.AddMetadata(core.MetaPackage, at.text)
	}
}

// icon is the image of an icon that is made for the sharpest screens. Of one that is put
// together of layers without being there as an image it is the layer in front.
func (f androidFormat) icon(archive *zip.Reader, table resourceTable, id uint32) []byte {
	found := table.resolve(id)
	if icon := f.image(archive, found); icon != nil {
		return icon
	}
	for _, r := range found[:min(len(found), maxImages)] {
		if path.Ext(r.text) != ".xml" {
			continue
		}
		data, err := archiveFile(archive, f.files+r.text, maxDrawable)
		if err != nil {
			continue
		}
		if icon := f.image(archive, table.resolve(foreground(f.elements(data)))); icon != nil {
			return icon
		}
	}
	return nil
}

// foreground is the drawable in front of an adaptive icon.
func foreground(elements iter.Seq[element]) uint32 {
	inFront := false
	for e := range elements {
		inFront = inFront || e.name == "foreground"
		for _, at := range e.attributes {
			if inFront && at.id == attrDrawable && at.ref != 0 {
				return at.ref
			}
		}
	}
	return 0
}

// image is the first of the images that can be read, the sharpest first.
func (f androidFormat) image(archive *zip.Reader, found []resource) []byte {
	dpi := func(r resource) int {
		const standard, anyScreen = 160, 0xfffe
		switch {
		case r.density == 0:
			return standard
		case r.density >= anyScreen:
			return 1
		}
		return r.density
	}
	slices.SortStableFunc(found, func(a, b resource) int { return cmp.Compare(dpi(b), dpi(a)) })
	tries := 0
	for _, r := range found {
		if ext := path.Ext(r.text); ext != ".png" && ext != ".webp" || tries == maxImages {
			continue
		}
		tries++
		if icon, err := archiveIcon(archive, f.files+r.text); err == nil {
			return icon
		}
	}
	return nil
}
