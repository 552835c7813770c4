package runner

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"

	"github.com/oore-ci/oore/app/core"
)

// What is read to find an icon. Real ones have some 200 pixels and 20 kB.
const (
	maxImages    = 4       // that are tried
	maxImage     = 1 << 20 // bytes of one; what a WebP says may take a hundred times as much memory
	maxImageSide = 2048    // pixels
	minIconSide  = 64
)

// archiveIcon reads an image of an archive as one to keep.
func archiveIcon(archive *zip.Reader, name string) ([]byte, error) {
	data, err := archiveFile(archive, name, maxImage)
	if err != nil {
		return nil, err
	}
	return smallIcon(data)
}

// smallIcon makes a PNG of at most core.MaxIconSide pixels and core.MaxIcon bytes of a
// PNG, Apple's own kind included, or a WebP. It is always drawn anew, so what is kept is
// an image and nothing besides.
func smallIcon(data []byte) (icon []byte, err error) {
	defer func() { // a decoder that panics must not take the runner with it
		if p := recover(); p != nil {
			err = fmt.Errorf("the image is damaged: %v", p)
		}
	}()
	img, err := decodeImage(data)
	if err != nil {
		return nil, err
	}
	for side := core.MaxIconSide; side >= minIconSide; side /= 2 {
		var out bytes.Buffer
		encoder := png.Encoder{CompressionLevel: png.BestCompression}
		if err := encoder.Encode(&out, shrunk(img, side)); err != nil {
			return nil, err
		}
		if out.Len() <= core.MaxIcon {
			return out.Bytes(), nil
		}
	}
	return nil, errors.New("the image is too large")
}

func decodeImage(data []byte) (image.Image, error) {
	configOf, decode := png.DecodeConfig, decodePNG
	if bytes.HasPrefix(data, []byte("RIFF")) {
		configOf, decode = webp.DecodeConfig, func(data []byte) (image.Image, error) { return webp.Decode(bytes.NewReader(data)) }
	}
	config, err := configOf(bytes.NewReader(data))
	switch {
	case err != nil:
		return nil, err
	case config.Width < 1 || config.Height < 1 || config.Width > maxImageSide || config.Height > maxImageSide:
		return nil, fmt.Errorf("the image has %d × %d pixels", config.Width, config.Height)
	}
	return decode(data)
}

// shrunk is the image in at most side × side pixels.
func shrunk(img image.Image, side int) image.Image {
	size := img.Bounds().Size()
	longest := max(size.X, size.Y)
	if longest <= side {
		return img
	}
	small := image.NewNRGBA(image.Rect(0, 0, max(1, size.X*side/longest), max(1, size.Y*side/longest)))
	draw.CatmullRom.Scale(small, small.Bounds(), img, img.Bounds(), draw.Src, nil)
	return small
}
