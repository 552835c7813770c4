package core

import (
	"context"
	"io"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Artifact is a file that a build made and that is kept.
type Artifact struct {
	ID        string
	BuildID   string
	ProjectID string
	Name      string // a plain file name, unique in the build
	Kind      ArtifactKind
	Size      int64             // bytes
	SHA256    string            // hex, of the bytes as they are downloaded
	Metadata  map[string]string // what the file says of itself, by the Meta… keys
	// IconSHA256 is the blob of the application's icon, a PNG; empty: there is none.
	IconSHA256 string
	Icon       []byte // that PNG, from the runner to the store alone
	CreatedAt  time.Time
	ExpiresAt  *time.Time // nil: kept as long as its build
}

// ArtifactLink is an artifact with an address for who may see the build: of its install
// page, where a phone can install it, else of its file.
type ArtifactLink struct {
	Artifact
	URL   string
	QRURL string // of an image of that address, a PNG, to be shown elsewhere; empty: there is none
}

// ArtifactKind says what a file is good for.
type ArtifactKind string

// The kinds of artifacts.
const (
	ArtifactAPK  ArtifactKind = "apk"
	ArtifactAAB  ArtifactKind = "aab"
	ArtifactIPA  ArtifactKind = "ipa"
	ArtifactApp  ArtifactKind = "app" // a macOS or simulator bundle, zipped
	ArtifactFile ArtifactKind = "file"
)

// Keys of Artifact.Metadata.
const (
	MetaPackage     = "package_name" // Android
	MetaVersionCode = "version_code" // Android
	MetaVersionName = "version_name" // Android
	MetaBundleID    = "bundle_id"    // Apple
	MetaVersion     = "version"      // Apple, as people see it
	MetaBuildNumber = "build_number" // Apple
	MetaTitle       = "title"        // under the icon

	// Apple: for which devices it is signed, one of the Distribution… words; for how many,
	// where they are listed; and until when, RFC 3339.
	MetaDistribution   = "distribution"
	MetaDevices        = "profile_devices"
	MetaProfileExpires = "profile_expires_at"
)

// For which devices an application of Apple's is signed.
const (
	DistributionDevices    = "registered_devices"
	DistributionEnterprise = "enterprise"
	DistributionStore      = "app_store"
)

// Limits of artifacts.
const (
	MaxArtifactSize = 4 << 30   // bytes
	MaxArtifacts    = 1000      // of one build
	maxArtifactName = 255       // bytes
	maxMetadata     = 16        // entries
	maxMetadataText = 256       // characters
	MaxIcon         = 256 << 10 // bytes
	MaxIconSide     = 512       // pixels
)

// ReasonArtifactRefused ends a build whose artifact was collected and not taken.
const ReasonArtifactRefused = "artifact_refused"

// CodeArtifactGone is the code of an artifact whose file is no longer kept.
const CodeArtifactGone = "artifact_expired"

// ArtifactKindOf tells the kind by a file's or folder's name.
func ArtifactKindOf(name string) ArtifactKind {
	switch strings.ToLower(path.Ext(name)) {
	case ".apk":
		return ArtifactAPK
	case ".aab":
		return ArtifactAAB
	case ".ipa":
		return ArtifactIPA
	case ".app":
		return ArtifactApp
	}
	return ArtifactFile
}

// ArtifactName makes a name that Validate takes of any file's name: what cannot be
// shown or would be a path becomes an underscore, and of a name that is too long the
// end is kept, where the extension is.
func ArtifactName(file string) string {
	name := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || r == '/' || r == '\\' || !unicode.IsPrint(r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(file, "_"))
	for len(name) > maxArtifactName {
		_, first := utf8.DecodeRuneInString(name)
		name = name[first:]
	}
	if name == "" || name == "." || name == ".." {
		return "_"
	}
	return name
}

// Validate checks what a runner says of an artifact: KindInvalid names what is wrong.
func (a Artifact) Validate() error {
	switch a.Kind {
	case ArtifactAPK, ArtifactAAB, ArtifactIPA, ArtifactApp, ArtifactFile:
	default:
		return Errorf(KindInvalid, "An artifact's kind is %q; it must be one of apk, aab, ipa, app, file", truncate(string(a.Kind), 40))
	}
	switch {
	case a.Name == "" || a.Name != ArtifactName(a.Name):
		return Errorf(KindInvalid, "%q is no plain file name of 1 to %d bytes", truncate(a.Name, 80), maxArtifactName)
	case a.Size < 0 || a.Size > MaxArtifactSize:
		return Errorf(KindTooLarge, "%s has %d bytes; an artifact may have 4 GiB", a.Name, a.Size)
	case a.SHA256 != "" && !ValidSHA256(a.SHA256):
		return Errorf(KindInvalid, "The SHA-256 of %s must be 64 hexadecimal digits in lower case", a.Name)
	case a.Icon != nil && !validIcon(a.Icon):
		return Errorf(KindInvalid, "The icon of %s must be a PNG of at most %d pixels and %d bytes", a.Name, MaxIconSide, MaxIcon)
	case len(a.Metadata) > maxMetadata:
		return Errorf(KindInvalid, "%s has %d entries of metadata; at most %d are kept", a.Name, len(a.Metadata), maxMetadata)
	}
	for key, value := range a.Metadata {
		if checkLine(key, maxMetadataText) != "" || checkLine(value, maxMetadataText) != "" {
			return Errorf(KindInvalid, "The metadata %q of %s must be one line of at most %d printable characters", truncate(key, 40), a.Name, maxMetadataText)
		}
	}
	return nil
}

// AddMetadata notes what a file says of itself, if that is a line worth showing.
func (a *Artifact) AddMetadata(key, value string) {
	value = strings.TrimSpace(value)
	if checkLine(value, maxMetadataText) != "" || len(a.Metadata) == maxMetadata {
		return
	}
	if a.Metadata == nil {
		a.Metadata = map[string]string{}
	}
	a.Metadata[key] = value
}

// Version is the version as people write it, 1.4.0 (42); empty where it is not known.
func (a Artifact) Version() string {
	version := orElse(a.Metadata[MetaVersionName], a.Metadata[MetaVersion])
	number := orElse(a.Metadata[MetaVersionCode], a.Metadata[MetaBuildNumber])
	switch {
	case version == "" || number == "":
		return version + number
	}
	return version + " (" + number + ")"
}

// ValidSHA256 tells whether s is a SHA-256 as we write it: 64 hexadecimal digits in
// lower case.
func ValidSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// collects fills in what a build without the key `artifacts` keeps: what Flutter
// makes for the platforms, as far as it is there. Only patterns that somebody wrote
// must match.
func (p *Plan) collects(file *Workflow) {
	p.ArtifactPatterns, p.ArtifactsRequired = file.ArtifactPatterns, len(file.ArtifactPatterns) > 0
	if file.ArtifactPatterns != nil {
		return
	}
	for _, platform := range file.Platforms {
		p.ArtifactPatterns = append(p.ArtifactPatterns, defaultArtifacts(platform)...)
	}
}

func defaultArtifacts(platform string) []string {
	switch platform {
	case "android":
		return []string{"build/app/outputs/flutter-apk/*.apk", "build/app/outputs/bundle/**/*.aab"}
	case "ios":
		return []string{"build/ios/ipa/*.ipa"}
	case "macos":
		return []string{"build/macos/Build/Products/Release/*.app"}
	}
	return nil
}

// BlobStore keeps bytes under their SHA-256, so that equal content is kept once. It
// is safe for concurrent use; storage that cannot be reached is KindUnavailable.
type BlobStore interface {
	// Put keeps what r gives until its end and returns its SHA-256 (hex) and size. When
	// it returns without an error the bytes are durable; otherwise nothing is kept.
	Put(ctx context.Context, r io.Reader) (sha256 string, size int64, err error)
	// Open reads a blob from its start; KindNotFound.
	Open(ctx context.Context, sha256 string) (io.ReadSeekCloser, error)
	// Sweep deletes what was last put before t and is among those that unwanted returns
	// of what it is given. What is put again meanwhile stays. Leftovers of broken Puts
	// go too.
	Sweep(ctx context.Context, t time.Time, unwanted func(ctx context.Context, sums []string) ([]string, error)) (deleted int, err error)
	// Ready tells whether blobs can be kept and read now.
	Ready(ctx context.Context) error
	// Identity is the same for two stores only if what one keeps the other can read.
	Identity() (string, error)
	// Owner is what SetOwner kept there last; empty: nothing.
	Owner(ctx context.Context) (string, error)
	// SetOwner keeps a line about whose the blobs are, instead of the one before.
	SetOwner(ctx context.Context, owner string) error
}

// DirectBlob is what BlobStore.Open returns where a blob may be loaded from where it lies.
type DirectBlob interface {
	// Link is an address at which anybody may load it for a minute, with these headers in
	// the answer. Empty: it has to go through us.
	Link(ctx context.Context, contentType, disposition string) (string, error)
}

// ArtifactStore keeps what is known of artifacts; their bytes are in the BlobStore.
type ArtifactStore interface {
	// SaveArtifact inserts, or replaces the one of that name in that build, which keeps
	// its id. It returns the stored one.
	SaveArtifact(ctx context.Context, a Artifact) (Artifact, error)
	FindArtifact(ctx context.Context, id string) (Artifact, error)
	ListArtifacts(ctx context.Context, buildID string) ([]Artifact, error)                          // by name
	ListProjectArtifacts(ctx context.Context, projectID string, page Page) ([]Artifact, int, error) // newest first
	// ListReleases finds the newest successful build of each pipeline and branch or tag
	// that made something to install, newest first, at most limit, among the project's
	// last 2,000 apps. Builds for forks are none: a fork may call its branch main.
	ListReleases(ctx context.Context, projectID string, limit int) ([]Release, error)
	// UnusedBlobs returns those of the SHA-256 that no artifact has, nor its icon, nor a
	// log. What retention ended before endedBefore counts for nothing.
	UnusedBlobs(ctx context.Context, sums []string, endedBefore time.Time) ([]string, error)
}

// HumanSize prints a size as people read it: 812 B, 9.8 kB, 24.1 MB.
func HumanSize(bytes int64) string {
	if bytes < 1000 {
		return strconv.FormatInt(bytes, 10) + " B"
	}
	size, unit := float64(bytes)/1000, "kB"
	for _, next := range []string{"MB", "GB"} {
		if size < 999.95 {
			break
		}
		size, unit = size/1000, next
	}
	return strconv.FormatFloat(size, 'f', 1, 64) + " " + unit
}
