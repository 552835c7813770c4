package runner

import (
	"iter"

	"google.golang.org/protobuf/encoding/protowire"
)

// Fields of aapt's XML and tables in protocol buffers (aapt2's Resources.proto).
const (
	nodeElement = 1

	elementName      = 3
	elementAttribute = 4
	elementChild     = 5

	attributeName  = 2
	attributeValue = 3
	attributeID    = 5
	attributeItem  = 6

	itemReference = 1
	itemFile      = 5
	referenceID   = 2
)

// maxDepth bounds how deep the elements of an XML may lie in each other.
const maxDepth = 16

// protoField is a field of a message: its bytes or its number.
type protoField struct {
	number protowire.Number
	bytes  []byte
	value  uint64
}

// protoFields yields the fields of a message, up to where it is damaged.
func protoFields(message []byte) iter.Seq[protoField] {
	return func(yield func(protoField) bool) {
		for len(message) > 0 {
			number, kind, n := protowire.ConsumeTag(message)
			if n < 0 {
				return
			}
			message = message[n:]
			size := protowire.ConsumeFieldValue(number, kind, message)
			if size < 0 {
				return
			}
			f := protoField{number: number}
			switch kind {
			case protowire.BytesType:
				f.bytes, _ = protowire.ConsumeBytes(message)
			case protowire.VarintType:
				f.value, _ = protowire.ConsumeVarint(message)
			case protowire.Fixed32Type, protowire.Fixed64Type, protowire.StartGroupType, protowire.EndGroupType:
			}
			if !yield(f) {
				return
			}
			message = message[size:]
		}
	}
}

// protoPart is the first field of that number, a message in the message; and so on.
func protoPart(message []byte, path ...protowire.Number) protoField {
	f := protoField{bytes: message}
	for _, number := range path {
		message, f = f.bytes, protoField{}
		for next := range protoFields(message) {
			if next.number == number {
				f = next
				break
			}
		}
	}
	return f
}

// protoElements is binaryElements for the XML of an AAB.
func protoElements(data []byte) iter.Seq[element] {
	return func(yield func(element) bool) {
		left := maxElements
		protoNode(data, maxDepth, &left, yield)
	}
}

// protoNode tells whether to go on.
func protoNode(node []byte, depth int, left *int, yield func(element) bool) bool {
	body := protoPart(node, nodeElement).bytes
	if body == nil {
		return true // a text
	}
	if *left--; *left < 0 || depth == 0 || !yield(protoElement(body)) {
		return false
	}
	for f := range protoFields(body) {
		if f.number == elementChild && !protoNode(f.bytes, depth-1, left, yield) {
			return false
		}
	}
	return true
}

func protoElement(body []byte) element {
	var e element
	for f := range protoFields(body) {
		switch {
		case f.number == elementName:
			e.name = string(f.bytes)
		case f.number == elementAttribute && len(e.attributes) < maxXMLAttributes:
			e.attributes = append(e.attributes, protoAttribute(f.bytes))
		}
	}
	return e
}

func protoAttribute(body []byte) xmlAttribute {
	var a xmlAttribute
	for f := range protoFields(body) {
		switch int(f.number) {
		case attributeName:
			a.name = string(f.bytes)
		case attributeValue:
			a.text = string(f.bytes)
		case attributeID:
			a.id = uint32(f.value)
		case attributeItem:
			a.ref = uint32(protoPart(f.bytes, itemReference, referenceID).value)
		}
	}
	return a
}
