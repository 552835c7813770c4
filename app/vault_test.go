package app_test

import (
	"bytes"
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func vaultOf(t *testing.T, fill byte) *app.Vault {
	t.Helper()
	v, err := app.NewVault(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAVaultOpensWhatItSealedAndNothingElse(t *testing.T) {
	v := vaultOf(t, 1)
	secret := []byte("-----BEGIN RSA PRIVATE KEY-----")
	sealed, err := v.Seal(secret, "integrations/a")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, secret[:8]) {
		t.Fatal("the secret can be read in what was sealed")
	}
	if got, err := v.Open(sealed, "integrations/a"); err != nil || !bytes.Equal(got, secret) {
		t.Fatalf("opened %q, %v", got, err)
	}
	if again, _ := v.Seal(secret, "integrations/a"); bytes.Equal(again, sealed) {
		t.Error("two seals of one secret are equal: whoever sees both knows that")
	}
	if _, err := v.Open(sealed, "integrations/b"); core.KindOf(err) != core.KindInvalid {
		t.Errorf("a row moved to another place opens: %v", err)
	}
	if _, err := vaultOf(t, 2).Open(sealed, "integrations/a"); core.KindOf(err) != core.KindInvalid {
		t.Errorf("another key opens it: %v", err)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := v.Open(changed, "integrations/a"); core.KindOf(err) != core.KindInvalid {
			t.Fatalf("byte %d changed, and it opens: %v", i, err)
		}
		if _, err := v.Open(sealed[:i], "integrations/a"); core.KindOf(err) != core.KindInvalid {
			t.Fatalf("cut at byte %d, and it opens: %v", i, err)
		}
	}
	if _, err := app.NewVault([]byte("short")); err == nil {
		t.Error("a short key is taken")
	}
}
