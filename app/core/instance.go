package core

// Fact is a setting of the instance as it is, for people. It holds no secret.
type Fact struct {
	Name    string // "Public address"
	Value   string
	Setting string // the variable that changes it; empty: none does
}

// Usage is what a part of the server's files takes.
type Usage struct {
	Name  string // "artifacts and logs of ended builds"
	Path  string // the folder or file
	Bytes int64
	Files int64
	Whole bool // false: there was no time to look at all of it
}

// Storage is what the server keeps on its disk.
type Storage struct {
	Parts       []Usage
	Free, Total int64 // of the disk of the data folder; 0: not known
}
