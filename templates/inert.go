package templates

// inert takes from a page what terminals obey, which has no business in one, and puts a
// visible sign in the place of characters that would turn the direction of the text around
// them: a branch could else make a page say something else than it holds.
func inert(page []byte) []byte {
	clean := page[:0]
	for i := 0; i < len(page); i++ {
		switch b := page[i]; {
		case b < 0x20 && b != '\t' && b != '\n' && b != '\r' || b == 0x7f:
		case b == 0xe2 && i+2 < len(page) && turns(page[i+1], page[i+2]):
			clean = append(clean, "\uFFFD"...) // as long as what it replaces
			i += 2
		default:
			clean = append(clean, b)
		}
	}
	return clean
}

// turns tells whether 0xe2 and these two are one of U+202A to U+202E, or U+2066 to U+2069.
func turns(b, c byte) bool {
	return b == 0x80 && c >= 0xaa && c <= 0xae || b == 0x81 && c >= 0xa6 && c <= 0xa9
}
