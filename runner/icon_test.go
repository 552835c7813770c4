package runner

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func readTestdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/android/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// describedFile is what is noted of a file.
func describedFile(t testing.TB, kind core.ArtifactKind, data []byte) core.Artifact {
	t.Helper()
	a := core.Artifact{Name: "a", Kind: kind, Size: int64(len(data))}
	if err := describeFile(fileOf(t, data), &a); err != nil {
		t.Fatal(err)
	}
	if err := a.Validate(); err != nil {
		t.Error(err)
	}
	return a
}

// decoded is an icon as it is kept.
func decoded(t testing.TB, icon []byte) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(icon))
	if err != nil {
		t.Fatalf("%d bytes of icon: %v", len(icon), err)
	}
	return img
}

// looks tells whether an icon has that width and about that color in its middle.
func looks(t testing.TB, icon []byte, width int, want color.NRGBA) {
	t.Helper()
	img := decoded(t, icon)
	size := img.Bounds().Size()
	got := color.NRGBAModel.Convert(img.At(size.X/2, size.Y/2)).(color.NRGBA)
	near := func(a, b uint8) bool { return max(a, b)-min(a, b) <= 3 }
	if size.X != width || !near(got.R, want.R) || !near(got.G, want.G) || !near(got.B, want.B) || !near(got.A, want.A) {
		t.Errorf("%d pixels wide and %v in the middle, want %d and %v", size.X, got, width, want)
	}
}

// applePNG writes an image as Xcode does.
func applePNG(t testing.TB, img *image.NRGBA, kind byte) []byte {
	t.Helper()
	size := img.Rect.Size()
	var raw bytes.Buffer
	for y := range size.Y {
		raw.WriteByte(0)
		for x := range size.X {
			r, g, b, a := img.At(x, y).RGBA() // multiplied by alpha
			raw.Write([]byte{byte(b >> 8), byte(g >> 8), byte(r >> 8)})
			if kind == 6 {
				raw.WriteByte(byte(a >> 8))
			}
		}
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err == nil {
		_, err = w.Write(raw.Bytes())
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.NewBufferString("\x89PNG\r\n\x1a\n")
	writeChunk(out, "CgBI", []byte{0x50, 0, 0x20, 0x06})
	header := binary.BigEndian.AppendUint32(nil, uint32(size.X))
	writeChunk(out, "IHDR", append(binary.BigEndian.AppendUint32(header, uint32(size.Y)), 8, kind, 0, 0, 0))
	half := packed.Len() / 2
	writeChunk(out, "iDOT", make([]byte, 28))
	writeChunk(out, "IDAT", packed.Bytes()[:half])
	writeChunk(out, "IDAT", packed.Bytes()[half:])
	writeChunk(out, "IEND", nil)
	return out.Bytes()
}

func filled(width, height int, c color.NRGBA) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

func plainPNGOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestApplesPNGsAreReadAsTheyWereDrawn(t *testing.T) {
	for _, c := range []color.NRGBA{{200, 100, 50, 255}, {200, 100, 50, 128}, {0, 0, 0, 0}} {
		icon, err := smallIcon(applePNG(t, filled(120, 120, c), 6))
		if err != nil {
			t.Fatal(err)
		}
		looks(t, icon, 120, c)
	}
	icon, err := smallIcon(applePNG(t, filled(60, 60, color.NRGBA{200, 100, 50, 255}), 2))
	if err != nil {
		t.Fatal(err)
	}
	looks(t, icon, 60, color.NRGBA{200, 100, 50, 255})
}

func TestIconsAreSmall(t *testing.T) {
	noise := image.NewNRGBA(image.Rect(0, 0, 1024, 512)) // which cannot be packed
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise.Pix {
		noise.Pix[i] = byte(random.Uint32())
	}
	icon, err := smallIcon(plainPNGOf(t, noise))
	if err != nil || len(icon) > core.MaxIcon {
		t.Fatalf("%d bytes, %v", len(icon), err)
	}
	if size := decoded(t, icon).Bounds().Size(); size.X != 2*size.Y || size.X > core.MaxIconSide {
		t.Errorf("it has %v pixels", size)
	}
	icon, err = smallIcon(plainPNGOf(t, filled(1024, 1024, color.NRGBA{1, 2, 3, 255})))
	if err != nil {
		t.Fatal(err)
	}
	looks(t, icon, core.MaxIconSide, color.NRGBA{1, 2, 3, 255})
}

func TestWhatIsNoImageIsNoIcon(t *testing.T) {
	large := func(kind string) []byte { // an image that claims 60,000 × 60,000 pixels
		out := bytes.NewBufferString("\x89PNG\r\n\x1a\n")
		if kind == "apple" {
			writeChunk(out, "CgBI", make([]byte, 4))
		}
		header := binary.BigEndian.AppendUint32(nil, 60_000)
		writeChunk(out, "IHDR", append(binary.BigEndian.AppendUint32(header, 60_000), 8, 6, 0, 0, 0))
		writeChunk(out, "IDAT", []byte{1, 2, 3})
		writeChunk(out, "IEND", nil)
		return out.Bytes()
	}
	bomb := func() []byte { // 4 × 4 pixels that unpack to 64 MiB
		var packed bytes.Buffer
		w, err := flate.NewWriter(&packed, flate.BestCompression)
		if err == nil {
			_, err = w.Write(make([]byte, 64<<20))
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		out := bytes.NewBufferString("\x89PNG\r\n\x1a\n")
		writeChunk(out, "CgBI", make([]byte, 4))
		header := binary.BigEndian.AppendUint32(nil, 4)
		writeChunk(out, "IHDR", append(binary.BigEndian.AppendUint32(header, 4), 8, 6, 0, 0, 0))
		writeChunk(out, "IDAT", packed.Bytes())
		writeChunk(out, "IEND", nil)
		return out.Bytes()
	}
	apple := applePNG(t, filled(64, 64, color.NRGBA{1, 2, 3, 4}), 6)
	for name, data := range map[string][]byte{
		"nothing": nil, "a text": []byte("hello"), "an SVG": []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`),
		"a large PNG": large(""), "a large PNG of Apple's": large("apple"), "half of a PNG": plainPNGOf(t, noisy())[:300], "half of Apple's": apple[:len(apple)/2],
		"a large WebP": append([]byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f"), 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0, 0, 0, 0, 0, 0),
		"no WebP":      []byte("RIFF and then nothing of it"), "nothing after CgBI": []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x04CgBI\x00\x00\x00\x00\x00\x00\x00\x00"),
	} {
		if icon, err := smallIcon(data); err == nil {
			t.Errorf("%s: an icon of %d bytes", name, len(icon))
		}
	}
	// What follows the pixels of a bomb is not unpacked.
	if icon, err := smallIcon(bomb()); err == nil {
		looks(t, icon, 4, color.NRGBA{})
	}
}

func noisy() image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	for i := range img.Pix {
		img.Pix[i] = byte(i * i)
	}
	return img
}

func FuzzIcons(f *testing.F) {
	f.Add(applePNG(f, filled(8, 8, color.NRGBA{1, 2, 3, 4}), 6))
	f.Add(applePNG(f, filled(8, 8, color.NRGBA{1, 2, 3, 255}), 2))
	f.Add(plainPNGOf(f, noisy()))
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(packed.Bytes())
	shop := readTestdata(f, "shop.apk")
	archive, err := zip.NewReader(bytes.NewReader(shop), int64(len(shop)))
	if err != nil {
		f.Fatal(err)
	}
	image, err := archiveFile(archive, "res/mipmap-xxhdpi-v4/ic_launcher.webp", maxImage)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(image)
	f.Fuzz(func(t *testing.T, data []byte) {
		icon, err := smallIcon(data)
		if err != nil {
			return
		}
		a := core.Artifact{Name: "a", Kind: core.ArtifactAPK, Icon: icon}
		if err := a.Validate(); err != nil {
			t.Error(err)
		}
	})
}
