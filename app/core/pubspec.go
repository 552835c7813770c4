package core

import "go.yaml.in/yaml/v3"

// PubspecPath is the file that makes a folder a Dart package.
const PubspecPath = "pubspec.yaml"

// Pubspec is what of a pubspec.yaml tells how to build it.
type Pubspec struct {
	Name    string
	Flutter bool // it depends on the Flutter SDK
}

// ParsePubspec reads one. What is broken is one that says nothing: pub itself complains
// of it, in the words that its users know.
func ParsePubspec(data []byte) Pubspec {
	var file struct {
		Name         any            `yaml:"name"`
		Dependencies map[string]any `yaml:"dependencies"`
	}
	if yaml.Unmarshal(data, &file) != nil {
		return Pubspec{}
	}
	name, _ := file.Name.(string)
	_, flutter := file.Dependencies["flutter"]
	return Pubspec{Name: boundedText(name, MaxUserName), Flutter: flutter}
}
