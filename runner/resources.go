package runner

import (
	"iter"

	"google.golang.org/protobuf/encoding/protowire"
)

// resource is one value of a resource: a text, of a file its path, or another resource.
type resource struct {
	value
	density int  // of the screens that it is made for, in dpi; 0: not said
	local   bool // for one language
}

// resourceTable yields the values of a resource.
type resourceTable func(id uint32) iter.Seq[resource]

// What is looked up for one resource; a real icon has ten values.
const (
	maxLookups = 8
	maxValues  = 64
)

// resolve finds the values of a resource and, where they are other resources, theirs.
func (t resourceTable) resolve(id uint32) []resource {
	var found []resource
	var wanted []uint32
	if id != 0 {
		wanted = append(wanted, id)
	}
	for n := 0; n < len(wanted) && n < maxLookups; n++ {
		for r := range t(wanted[n]) {
			if r.ref != 0 && len(wanted) < maxLookups {
				wanted = append(wanted, r.ref)
			} else if r.ref == 0 && len(found) < maxValues {
				found = append(found, r)
			}
		}
	}
	return found
}

// binaryTable reads the table of an APK, resources.arsc.
func binaryTable(data []byte) resourceTable {
	file := binaryXML(data)
	return func(id uint32) iter.Seq[resource] {
		return func(yield func(resource) bool) {
			if file.u16(0) != chunkTable {
				return
			}
			var strings binaryXML
			for chunk := range file.chunks(int(file.u16(2))) {
				switch {
				case chunk.u16(0) == chunkStrings:
					strings = chunk
				case chunk.u16(0) == chunkPackage && chunk.u32(8) == id>>24:
					for part := range chunk.chunks(int(chunk.u16(2))) {
						if part.u16(0) != chunkType || part.u16(8)&0xff != uint16(id>>16)&0xff {
							continue
						}
						if r, ok := part.entry(uint16(id), strings); ok && !yield(r) {
							return
						}
					}
				}
			}
		}
	}
}

// Forms of a type's entries.
const (
	typeSparse   = 1
	typeOffset16 = 2
	entryComplex = 1
	entryCompact = 8
	noEntry      = 1<<32 - 1
)

// entry reads an entry of a type chunk; what is no single value is none.
func (x binaryXML) entry(index uint16, strings binaryXML) (resource, bool) {
	offset := x.entryOffset(index)
	if offset == noEntry {
		return resource{}, false
	}
	const config = 20
	at := int(x.u32(16)) + int(offset)
	flags := x.u16(at + 2)
	r := resource{density: int(x.u16(config + 14)), local: x.u32(config+8) != 0}
	switch {
	case flags&entryCompact != 0:
		r.value = binaryValue(byte(flags>>8), x.u32(at+4), strings)
	case flags&entryComplex != 0:
		return r, false
	default:
		at += int(x.u16(at))
		r.value = binaryValue(byte(x.u16(at+2)>>8), x.u32(at+4), strings)
	}
	return r, r.value != value{}
}

func (x binaryXML) entryOffset(index uint16) uint32 {
	table, count := int(x.u16(2)), int(x.u32(12))
	switch flags := x.u16(8) >> 8; {
	case flags&typeSparse != 0:
		for i := range min(count, len(x)/4) {
			if x.u16(table+4*i) == index {
				return 4 * uint32(x.u16(table+4*i+2))
			}
		}
		return noEntry
	case int(index) >= count:
		return noEntry
	case flags&typeOffset16 != 0:
		if offset := x.u16(table + 2*int(index)); offset != 1<<16-1 {
			return 4 * uint32(offset)
		}
		return noEntry
	}
	return x.u32(table + 4*int(index))
}

// Fields of aapt's table in protocol buffers.
const (
	tablePackage   = 2
	packageType    = 3
	typeEntry      = 3
	entryConfig    = 6
	partID         = 1 // of packages, types and entries; and the number in it
	configSettings = 1
	settingLocale  = 3
	settingDensity = 18
	configValue    = 2
	valueItem      = 4
	itemString     = 2
	itemRawString  = 3
	textOrPath     = 1 // of strings and files
)

// protoTable is binaryTable for the table of an AAB, resources.pb.
func protoTable(data []byte) resourceTable {
	return func(id uint32) iter.Seq[resource] {
		return func(yield func(resource) bool) {
			for p := range numbered(data, tablePackage, id>>24) {
				for t := range numbered(p, packageType, id>>16&0xff) {
					for e := range numbered(t, typeEntry, id&0xffff) {
						for f := range protoFields(e) {
							if f.number == entryConfig && !yield(protoResource(f.bytes)) {
								return
							}
						}
					}
				}
			}
		}
	}
}

// numbered yields the parts of a message that have the id.
func numbered(message []byte, number protowire.Number, id uint32) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for f := range protoFields(message) {
			if f.number == number && uint32(protoPart(f.bytes, partID, partID).value) == id && !yield(f.bytes) {
				return
			}
		}
	}
}

func protoResource(body []byte) resource {
	settings, item := protoPart(body, configSettings).bytes, protoPart(body, configValue, valueItem).bytes
	r := resource{
		density: int(uint16(protoPart(settings, settingDensity).value)),
		local:   len(protoPart(settings, settingLocale).bytes) > 0,
	}
	r.ref = uint32(protoPart(item, itemReference, referenceID).value)
	for _, kind := range []protowire.Number{itemString, itemRawString, itemFile} {
		if text := protoPart(item, kind, textOrPath).bytes; len(text) > 0 && len(text) <= maxManifestRun {
			r.text = string(text)
		}
	}
	return r
}
