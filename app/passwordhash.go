package app

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of a password (OWASP's least for argon2id). Each hash says what its own was.
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2
	argonThreads = 1
	argonSalt    = 16
	argonKey     = 32
)

// hashesAtOnce bounds the memory that strangers can have us use.
const hashesAtOnce = 4

// noPassword is the hash of nothing that anybody knows, and costs as much as any other.
const noPassword = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// hasher makes and checks hashes of passwords, a few at a time.
type hasher struct{ turns chan struct{} }

func newHasher() hasher { return hasher{make(chan struct{}, hashesAtOnce)} }

func (h hasher) turn(ctx context.Context) (done func(), err error) {
	select {
	case h.turns <- struct{}{}:
		return func() { <-h.turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// hash is what is stored of a password, in the usual form.
func (h hasher) hash(ctx context.Context, password string) (string, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	salt := make([]byte, argonSalt)
	rand.Read(salt) // never fails: it ends the program instead
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key)), nil
}

// matches compares a password with a hash. It takes as long for no hash as for one.
func (h hasher) matches(ctx context.Context, stored, password string) (bool, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	parsed, ok := parseArgon(stored)
	if !ok {
		if parsed, ok = parseArgon(noPassword); !ok {
			return false, fmt.Errorf("the hash of no password cannot be read")
		}
		parsed.nobody = true
	}
	key := argon2.IDKey([]byte(password), parsed.salt, parsed.time, parsed.memory, parsed.threads, argonKey)
	return subtle.ConstantTimeCompare(key, parsed.key) == 1 && !parsed.nobody, nil
}

// weak tells whether a hash cost less than one of today: it is replaced when its password
// is known.
func weak(stored string) bool {
	h, ok := parseArgon(stored)
	return ok && (h.memory < argonMemory || h.time < argonTime || len(h.salt) < argonSalt)
}

type argonHash struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
	nobody       bool
}

// parseArgon reads a hash that we made. Bounds keep one that was put into the database
// from using up the machine.
func parseArgon(s string) (h argonHash, ok bool) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); err != nil {
		return h, false
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil || len(h.salt) < 8 {
		return h, false
	}
	h.key, err = base64.RawStdEncoding.DecodeString(parts[5])
	return h, err == nil && len(h.key) == argonKey && h.threads > 0 && h.time > 0 && h.time <= 16 && h.memory <= 1<<20
}
