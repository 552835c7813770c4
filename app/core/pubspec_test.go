package core

import (
	"strings"
	"testing"
)

func TestParsePubspec(t *testing.T) {
	for text, want := range map[string]Pubspec{
		"name: shop\ndependencies:\n  flutter:\n    sdk: flutter\n  http: ^1.2.0\n": {Name: "shop", Flutter: true},
		"name: tool\ndependencies: {args: ^2.0.0}\n":                                {Name: "tool"},
		"name: {a: b}\n": {}, "dependencies: [flutter]\n": {}, "\t": {}, "": {}, "name: 'a\x00": {},
	} {
		if got := ParsePubspec([]byte(text)); got != want {
			t.Errorf("%q is %+v, want %+v", text, got, want)
		}
	}
	if got := ParsePubspec([]byte("name: " + strings.Repeat("x", 5000))); len(got.Name) > 200 {
		t.Errorf("a name of %d bytes", len(got.Name))
	}
}

func FuzzParsePubspec(f *testing.F) {
	f.Add([]byte("name: shop\ndependencies:\n  flutter:\n    sdk: flutter\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got := ParsePubspec(data); strings.ContainsRune(got.Name, 0) {
			t.Errorf("%q", got.Name)
		}
	})
}
