package runner

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// stage is where the archive's part for one ground is unpacked, in a folder of the
// ground, to be moved to its place from there.
type stage struct {
	*ground
	root *os.Root // the ground
	base string   // the stage's name in it
	in   *os.Root // nil: nothing was unpacked

	folders map[string]*tar.Header // of the stage; nil: the archive does not tell
	links   []link                 // made last, so that nothing is written through one
	at      string                 // the folder that dir is
	dir     *os.Root
	moved   []string
}

type link struct{ name, target string }

func (s *stage) open() (err error) {
	if s.in != nil {
		return nil
	}
	if err := os.MkdirAll(s.ground.dir, 0o755); err != nil {
		return err
	}
	if s.root, err = os.OpenRoot(s.ground.dir); err != nil {
		return err
	}
	s.removeStale()
	if s.base, err = newStage(s.root); err != nil {
		return err
	}
	s.in, err = s.root.OpenRoot(s.base)
	s.folders = map[string]*tar.Header{}
	return err
}

// folder opens a folder of the stage, and makes it. Only a folder that was made as
// one is there: links come last.
func (s *stage) folder(name string) (*os.Root, error) {
	if s.dir != nil && s.at == name {
		return s.dir, nil
	}
	if name != "." {
		if err := s.makeFolders(name); err != nil {
			return nil, err
		}
	}
	dir, err := s.in.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	s.leave()
	s.at, s.dir = name, dir
	return dir, nil
}

func (s *stage) leave() {
	if s.dir != nil {
		_ = s.dir.Close()
		s.dir = nil
	}
}

func (s *stage) makeFolders(name string) error {
	if _, made := s.folders[name]; made {
		return nil
	}
	if parent := path.Dir(name); parent != "." {
		if err := s.makeFolders(parent); err != nil {
			return err
		}
	}
	s.folders[name] = nil
	return twice(s.in.Mkdir(name, 0o700))
}

// twice makes a name that is there already a fault of the archive.
func twice(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return damagef("the archive has two of it")
	}
	return err
}

func (s *stage) addFolder(name string, h *tar.Header) error {
	if s.folders[name] != nil {
		return damagef("the archive has two of it")
	}
	if err := s.makeFolders(name); err != nil {
		return err
	}
	s.folders[name] = h
	return nil
}

func (s *stage) addFile(name string, h *tar.Header, r io.Reader, buf []byte) error {
	dir, err := s.folder(path.Dir(name))
	if err != nil {
		return err
	}
	base := path.Base(name)
	f, err := dir.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(h.Mode).Perm())
	if err != nil {
		return twice(err)
	}
	_, err = io.CopyBuffer(onlyWriter{f}, r, buf)
	err = errors.Join(err, f.Close())
	if err != nil {
		return err
	}
	return dir.Chtimes(base, h.ModTime, h.ModTime)
}

// finish makes the links, and gives folders their modes and times, but keeps them
// writable for now.
func (s *stage) finish() error {
	for _, l := range s.links {
		dir, err := s.folder(path.Dir(l.name))
		if err != nil {
			return err
		}
		if err := twice(dir.Symlink(l.target, path.Base(l.name))); err != nil {
			return fmt.Errorf("%q: %w", l.name, err)
		}
	}
	s.leave()
	for _, name := range s.deepestFirst() {
		mode, h := fs.FileMode(0o755), s.folders[name]
		if h != nil {
			mode = fs.FileMode(h.Mode).Perm() | 0o700
		}
		err := s.in.Chmod(name, mode)
		if err == nil && h != nil {
			err = s.in.Chtimes(name, h.ModTime, h.ModTime)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) deepestFirst() []string {
	var all []string
	for name := range s.folders {
		all = append(all, name)
	}
	slices.Sort(all)
	slices.Reverse(all)
	return all
}

// staleAfter is when a stage has no owner any more: no build is so long.
const staleAfter = 48 * time.Hour

// newStage makes an empty folder for what is unpacked.
func newStage(root *os.Root) (string, error) {
	for {
		base := fmt.Sprintf("%s%016x", stagePrefix, rand.Uint64())
		if err := root.Mkdir(base, 0o700); !errors.Is(err, fs.ErrExist) {
			return base, err
		}
	}
}

// removeStale removes what killed processes left in a folder that outlives builds.
func (s *stage) removeStale() {
	if !s.home {
		return
	}
	list, _ := listNames(s.root)
	for _, base := range list {
		info, err := s.root.Lstat(base)
		if err == nil && strings.HasPrefix(base, stagePrefix) && time.Since(info.ModTime()) > staleAfter {
			_ = s.root.RemoveAll(base)
		}
	}
}

// place moves all that is not there yet to where it belongs: whole folders at once, so
// that no tool finds half of one. What is there stays.
func (s *stage) place(r *cacheReport) error {
	if err := s.placeAll(".", r); err != nil {
		return err
	}
	for _, name := range s.deepestFirst() {
		h := s.folders[name]
		wasMoved := func(top string) bool { return within(top, name) }
		if h == nil || h.Mode&0o700 == 0o700 || !slices.ContainsFunc(s.moved, wasMoved) {
			continue
		}
		if err := s.root.Chmod(name, fs.FileMode(h.Mode).Perm()); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) placeAll(folder string, r *cacheReport) error {
	dir, err := s.in.OpenRoot(folder)
	if err != nil {
		return err
	}
	list, err := listNames(dir)
	_ = dir.Close()
	for _, base := range list {
		if err == nil {
			err = s.placeOne(path.Join(folder, base), r)
		}
	}
	return err
}

func (s *stage) placeOne(name string, r *cacheReport) error {
	there, err := s.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err = s.root.Rename(path.Join(s.base, name), name); err == nil {
			s.moved = append(s.moved, name)
			return nil
		}
		// Another build was faster, perhaps.
		if there, _ = s.root.Lstat(name); there == nil {
			return err
		}
	} else if err != nil {
		return err
	}
	ours, err := s.in.Lstat(name)
	if err != nil {
		return err
	}
	if ours.IsDir() && there.IsDir() {
		return s.placeAll(name, r)
	}
	r.Kept++
	return nil
}

// clear removes the stage with what is left in it.
func (s *stage) clear() error {
	s.leave()
	if s.in != nil {
		_ = s.in.Close()
	}
	if s.root == nil {
		return nil
	}
	defer func() { _ = s.root.Close() }()
	if s.base == "" {
		return nil
	}
	return s.root.RemoveAll(s.base)
}
