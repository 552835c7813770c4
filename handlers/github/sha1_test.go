package github_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
)

// sha1Signature is the older signature that GitHub still sends beside the other.
func sha1Signature(body string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha1=" + hex.EncodeToString(mac.Sum(nil))
}
