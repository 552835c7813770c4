package templates

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// QR is a QR code as a drawing: Size squares on each side, and a path over the black ones.
type QR struct {
	Size int
	Path string
}

// qrCode draws a text; one that is too long for a code is an error.
func qrCode(text string) (QR, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return QR{}, fmt.Errorf("make a QR code: %w", err)
	}
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			from := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from, y, x-from, x-from)
			}
		}
	}
	return QR{Size: code.Size, Path: path.String()}, nil
}

// ViewBox leaves the margin that readers of codes need.
func (q QR) ViewBox() string { return fmt.Sprintf("-4 -4 %d %d", q.Size+8, q.Size+8) }

// QRSVG is a QR code as a file of its own, black on white.
func QRSVG(text string) ([]byte, error) {
	q, err := qrCode(text)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="%s" shape-rendering="crispEdges"><path fill="#fff" d="M-4-4h%dv%dh-%dz"/><path d="%s"/></svg>`,
		q.ViewBox(), q.Size+8, q.Size+8, q.Size+8, q.Path), nil
}

// QRPNG is QRSVG for who does not draw.
func QRPNG(text string) ([]byte, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, fmt.Errorf("make a QR code: %w", err)
	}
	return code.PNG(), nil
}
