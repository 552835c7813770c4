package app

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// sealVersion begins everything that a Vault seals; the root key's id follows.
const sealVersion = "v1:"

const (
	keySize     = 32
	wrappedSize = 12 + keySize + 16 // nonce, data key, tag
)

// Vault seals secrets for the database: AES-256-GCM, each with a data key of its own
// that the root key wraps. What is sealed for one place opens in no other.
type Vault struct {
	header    []byte // version and the root key's id
	root      cipher.AEAD
	challenge []byte // a key of its own, made of the root key
}

// NewVault takes the root key, 32 bytes.
func NewVault(key []byte) (*Vault, error) {
	root, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	id := sha256.Sum256(append([]byte("oore key id:"), key...))
	challenge := sha256.Sum256(append([]byte("oore challenge:"), key...))
	return &Vault{header: []byte(sealVersion + hex.EncodeToString(id[:4]) + ":"), root: root, challenge: challenge[:]}, nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("an encryption key has %d bytes, this one has %d", keySize, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// KeyID tells root keys apart. It is no secret: all that is sealed begins with it.
func (v *Vault) KeyID() string {
	return strings.TrimSuffix(strings.TrimPrefix(string(v.header), sealVersion), ":")
}

// place is the associated data: which row the secret belongs to, and under which key.
func (v *Vault) place(where string) []byte { return append(bytes.Clone(v.header), where...) }

func errNoKey() error {
	return core.Errorf(core.KindInvalid, "There is no encryption key here; only the server has it")
}

// Seal encrypts a secret for one place, such as "integrations/<id>".
func (v *Vault) Seal(secret []byte, where string) ([]byte, error) {
	if v == nil {
		return nil, errNoKey()
	}
	key := make([]byte, keySize)
	rand.Read(key) // never fails: it ends the program instead
	data, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	out := v.root.Seal(bytes.Clone(v.header), nil, key, v.place(where)) //nolint:gosec // NewGCMWithRandomNonce makes the nonce and wants none
	return data.Seal(out, nil, secret, v.place(where)), nil             //nolint:gosec // as above: this AEAD makes its own random nonce
}

// Open decrypts what Seal made for the same place. KindInvalid: it was sealed with
// another key, for another place, or has been changed.
func (v *Vault) Open(sealed []byte, where string) ([]byte, error) {
	if v == nil {
		return nil, errNoKey()
	}
	if !bytes.HasPrefix(sealed, v.header) {
		return nil, core.Errorf(core.KindInvalid,
			"It was stored with another encryption key; give the server the OORE_ENCRYPTION_KEY that it had, or connect again")
	}
	damaged := core.Errorf(core.KindInvalid, "What is stored has been damaged; connect again")
	rest := sealed[len(v.header):]
	if len(rest) < wrappedSize {
		return nil, damaged
	}
	key, err := v.root.Open(nil, nil, rest[:wrappedSize], v.place(where))
	if err != nil {
		return nil, damaged.Because(err)
	}
	data, err := newGCM(key)
	if err != nil {
		return nil, damaged.Because(err)
	}
	secret, err := data.Open(nil, nil, rest[wrappedSize:], v.place(where))
	if err != nil {
		return nil, damaged.Because(err)
	}
	return secret, nil
}
