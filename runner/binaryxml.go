package runner

import (
	"encoding/binary"
	"iter"
	"strconv"
	"unicode/utf16"
)

// element is one of an XML's elements.
type element struct {
	name       string
	attributes []xmlAttribute
}

// xmlAttribute is one of an element's; id is Android's number for it, 0: none.
type xmlAttribute struct {
	name string
	id   uint32
	value
}

// value is a text or, where ref is not 0, what that resource is.
type value struct {
	text string
	ref  uint32
}

// What is read of one XML: a real manifest has a tenth of it.
const (
	maxElements      = 4096
	maxXMLAttributes = 64
	maxManifestRun   = 4096 // characters of one string
)

// Chunks of Android's binary XML and tables (ResourceTypes.h).
const (
	chunkStrings   = 0x0001
	chunkTable     = 0x0002
	chunkXML       = 0x0003
	chunkElement   = 0x0102
	chunkResources = 0x0180
	chunkPackage   = 0x0200
	chunkType      = 0x0201

	valueReference = 0x01
	valueString    = 0x03
	valueDec       = 0x10
	valueHex       = 0x11

	stringsUTF8 = 1 << 8
)

// binaryElements yields the elements of a binary XML in their order; none, if it is
// none. It is our own reader since those there are make room for as many strings as a
// file claims to have.
func binaryElements(data []byte) iter.Seq[element] {
	return func(yield func(element) bool) {
		file := binaryXML(data)
		if file.u16(0) != chunkXML {
			return
		}
		var strings, resources binaryXML
		n := 0
		for chunk := range file.chunks(int(file.u16(2))) {
			switch chunk.u16(0) {
			case chunkStrings:
				strings = chunk
			case chunkResources:
				resources = chunk
			case chunkElement:
				if n++; n > maxElements || !yield(chunk.element(strings, resources)) {
					return
				}
			}
		}
	}
}

// binaryXML is a file or a chunk. What lies outside of it reads as zero.
type binaryXML []byte

func (x binaryXML) u16(at int) uint16 {
	if at < 0 || at+2 > len(x) {
		return 0
	}
	return binary.LittleEndian.Uint16(x[at:])
}

func (x binaryXML) u32(at int) uint32 {
	if at < 0 || at+4 > len(x) {
		return 0
	}
	return binary.LittleEndian.Uint32(x[at:])
}

// chunks yields the chunks from a place on, up to the first that is damaged.
func (x binaryXML) chunks(at int) iter.Seq[binaryXML] {
	return func(yield func(binaryXML) bool) {
		for at+8 <= len(x) {
			size := int(x.u32(at + 4))
			if size < 8 || size > len(x)-at || !yield(x[at:at+size]) {
				return
			}
			at += size
		}
	}
}

func (x binaryXML) element(strings, resources binaryXML) element {
	ext := int(x.u16(2))
	e := element{name: strings.str(x.u32(ext + 4))}
	first, step := ext+int(x.u16(ext+8)), int(x.u16(ext+10))
	for i := range min(int(x.u16(ext+12)), maxXMLAttributes) {
		at := first + i*step
		if step < 20 || at+20 > len(x) {
			break
		}
		name, data := x.u32(at+4), x.u32(at+16)
		a := xmlAttribute{name: strings.str(name), value: binaryValue(x[at+15], data, strings)}
		if name < uint32(len(resources)/4) {
			a.id = resources.u32(int(resources.u16(2)) + 4*int(name))
		}
		e.attributes = append(e.attributes, a)
	}
	return e
}

func binaryValue(kind byte, data uint32, strings binaryXML) value {
	switch kind {
	case valueReference:
		return value{ref: data}
	case valueString:
		return value{text: strings.str(data)}
	case valueDec, valueHex:
		return value{text: strconv.FormatInt(int64(int32(data)), 10)}
	}
	return value{}
}

// str is string n of a pool; empty where there is none.
func (x binaryXML) str(n uint32) string {
	if n >= x.u32(8) || n >= uint32(len(x)/4) {
		return ""
	}
	at := int(x.u32(20)) + int(x.u32(int(x.u16(2))+4*int(n)))
	if at < 0 || at >= len(x) {
		return ""
	}
	if x.u32(16)&stringsUTF8 != 0 {
		return x.utf8(at)
	}
	length := int(x.u16(at))
	if length >= 1<<15 || length > maxManifestRun || at+2+2*length > len(x) {
		return "" // a long one has another form, and tells nothing
	}
	units := make([]uint16, length)
	for i := range units {
		units[i] = x.u16(at + 2 + 2*i)
	}
	return string(utf16.Decode(units))
}

// utf8 reads the length in characters, the length in bytes and the bytes.
func (x binaryXML) utf8(at int) string {
	length := 0
	for range 2 {
		if at >= len(x) {
			return ""
		}
		length, at = int(x[at]), at+1
		if length&0x80 != 0 {
			if at >= len(x) {
				return ""
			}
			length, at = (length&0x7f)<<8|int(x[at]), at+1
		}
	}
	if length > maxManifestRun || at+length > len(x) {
		return ""
	}
	return string(x[at : at+length])
}
