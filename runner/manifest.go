package runner

import (
	"encoding/binary"
	"errors"
	"strconv"
	"unicode/utf16"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/oore-ci/oore/app/core"
)

// Android's ids of the attributes of <manifest> that we note; package has none.
const (
	attrVersionCode = 0x0101021b
	attrVersionName = 0x0101021c
)

func noteManifest(a *core.Artifact, name string, id uint32, value string) {
	switch {
	case id == attrVersionCode || id == 0 && name == "versionCode":
		a.AddMetadata(core.MetaVersionCode, value)
	case id == attrVersionName || id == 0 && name == "versionName":
		a.AddMetadata(core.MetaVersionName, value)
	case name == "package":
		a.AddMetadata(core.MetaPackage, value)
	}
}

// Chunks of Android's binary XML (ResourceTypes.h).
const (
	chunkStrings   = 0x0001
	chunkXML       = 0x0003
	chunkElement   = 0x0102
	chunkResources = 0x0180

	valueString = 0x03
	valueDec    = 0x10
	valueHex    = 0x11

	stringsUTF8    = 1 << 8
	maxManifestRun = 4096 // characters of one string
)

// noteAndroid reads the binary manifest of an APK: the attributes of its first element.
// It is our own reader since those there are make room for as many strings as a file
// claims to have.
func noteAndroid(data []byte, a *core.Artifact) error {
	file := binaryXML(data)
	if file.u16(0) != chunkXML {
		return errors.New("its manifest is no binary XML")
	}
	var strings, resources binaryXML
	for at := int(file.u16(2)); at+8 <= len(file); {
		size := int(file.u32(at + 4))
		if size < 8 || size > len(file)-at {
			break
		}
		chunk := file[at : at+size]
		switch chunk.u16(0) {
		case chunkStrings:
			strings = chunk
		case chunkResources:
			resources = chunk
		case chunkElement:
			chunk.noteElement(strings, resources, a)
			return nil
		}
		at += size
	}
	return errors.New("its manifest has no element")
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

func (x binaryXML) noteElement(strings, resources binaryXML, a *core.Artifact) {
	ext := int(x.u16(2))
	first, step := ext+int(x.u16(ext+8)), int(x.u16(ext+10))
	for i := range int(x.u16(ext + 12)) {
		attr := first + i*step
		if step < 20 || attr+20 > len(x) {
			return
		}
		name, data := x.u32(attr+4), x.u32(attr+16)
		var value string
		switch x[attr+15] {
		case valueString:
			value = strings.str(data)
		case valueDec, valueHex:
			value = strconv.FormatInt(int64(int32(data)), 10)
		}
		var id uint32
		if name < uint32(len(resources)/4) {
			id = resources.u32(int(resources.u16(2)) + 4*int(name))
		}
		noteManifest(a, strings.str(name), id, value)
	}
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

// Fields of aapt's XML in protocol buffers (aapt2's Resources.proto).
const (
	nodeElement      = 1
	elementAttribute = 4
	attributeName    = 2
	attributeValue   = 3
	attributeID      = 5
)

// noteAndroidProto reads the manifest of an AAB.
func noteAndroidProto(data []byte, a *core.Artifact) error {
	damaged := errors.New("its manifest is damaged")
	element, ok := protoFields(data, nodeElement)
	if !ok || len(element[nodeElement]) == 0 {
		return damaged
	}
	attributes, ok := protoFields(element[nodeElement][0].bytes, elementAttribute)
	if !ok {
		return damaged
	}
	for _, attribute := range attributes[elementAttribute] {
		fields, ok := protoFields(attribute.bytes, attributeName, attributeValue, attributeID)
		if !ok {
			return damaged
		}
		var name, value string
		var id uint32
		for _, f := range fields[attributeName] {
			name = string(f.bytes)
		}
		for _, f := range fields[attributeValue] {
			value = string(f.bytes)
		}
		for _, f := range fields[attributeID] {
			id = uint32(f.number)
		}
		noteManifest(a, name, id, value)
	}
	return nil
}

type protoField struct {
	bytes  []byte
	number uint64
}

// protoFields picks fields out of a message.
func protoFields(message []byte, wanted ...protowire.Number) (map[protowire.Number][]protoField, bool) {
	fields := map[protowire.Number][]protoField{}
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil, false
		}
		message = message[n:]
		size := protowire.ConsumeFieldValue(number, kind, message)
		if size < 0 {
			return nil, false
		}
		for _, w := range wanted {
			if number != w {
				continue
			}
			switch kind {
			case protowire.BytesType:
				content, _ := protowire.ConsumeBytes(message)
				fields[w] = append(fields[w], protoField{bytes: content})
			case protowire.VarintType:
				value, _ := protowire.ConsumeVarint(message)
				fields[w] = append(fields[w], protoField{number: value})
			case protowire.Fixed32Type, protowire.Fixed64Type, protowire.StartGroupType, protowire.EndGroupType:
			}
		}
		message = message[size:]
	}
	return fields, true
}
