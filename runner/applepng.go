package runner

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/png"
	"io"
)

// decodePNG reads a PNG, also one as Xcode leaves it in an application: such a file says
// so in a chunk CgBI, its pixels are packed without zlib's frame, blue and red have
// changed places, and the colors are multiplied by their alpha. Its size was checked.
func decodePNG(data []byte) (image.Image, error) {
	const signature = 8
	if len(data) < signature+8 || string(data[signature+4:signature+8]) != "CgBI" {
		return png.Decode(bytes.NewReader(data))
	}
	plain, err := plainPNG(data[:signature], data[signature:])
	if err != nil {
		return nil, err
	}
	img, err := png.Decode(bytes.NewReader(plain))
	if err != nil {
		return nil, err
	}
	switch img := img.(type) {
	case *image.NRGBA:
		return premultiplied(&image.RGBA{Pix: img.Pix, Stride: img.Stride, Rect: img.Rect}), nil
	case *image.RGBA: // without alpha
		return premultiplied(img), nil
	}
	return nil, errors.New("the image is of a kind that Xcode does not make")
}

// premultiplied puts red and blue in their places. A color above its alpha is none.
func premultiplied(img *image.RGBA) image.Image {
	for p := img.Pix; len(p) >= 4; p = p[4:] {
		p[0], p[1], p[2] = min(p[2], p[3]), min(p[1], p[3]), min(p[0], p[3])
	}
	return img
}

// plainPNG packs the chunks' pixels as the standard wants it.
func plainPNG(signature, chunks []byte) ([]byte, error) {
	out := bytes.NewBuffer(bytes.Clone(signature))
	var pixels []byte
	limit := int64(0)
	for len(chunks) >= 12 {
		size := binary.BigEndian.Uint32(chunks)
		if int64(size)+12 > int64(len(chunks)) {
			break
		}
		kind, body := string(chunks[4:8]), chunks[8:8+size]
		chunks = chunks[12+size:]
		switch kind {
		case "IHDR":
			if len(body) >= 8 {
				limit = pixelBytes(binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:]))
			}
			writeChunk(out, kind, body)
		case "IDAT":
			pixels = append(pixels, body...)
		}
	}
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	if _, err := io.Copy(w, io.LimitReader(flate.NewReader(bytes.NewReader(pixels)), limit)); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	writeChunk(out, "IDAT", packed.Bytes())
	writeChunk(out, "IEND", nil)
	return out.Bytes(), nil
}

// pixelBytes is the most that pixels of 16 bits take, with a filter for each line of each
// of the seven passes of an interlaced image.
func pixelBytes(width, height uint32) int64 {
	if width > maxImageSide || height > maxImageSide {
		return 0
	}
	return int64(height) * (int64(width)*8 + 7)
}

func writeChunk(out *bytes.Buffer, kind string, body []byte) {
	var number [4]byte
	binary.BigEndian.PutUint32(number[:], uint32(len(body)))
	out.Write(number[:])
	at := out.Len()
	out.WriteString(kind)
	out.Write(body)
	binary.BigEndian.PutUint32(number[:], crc32.ChecksumIEEE(out.Bytes()[at:]))
	out.Write(number[:])
}
