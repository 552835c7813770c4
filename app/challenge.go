package app

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// challengeLife is how long a challenge may be answered; it allows for clocks that
// differ.
const challengeLife = 5 * time.Minute

// Challenge makes a question that only a server with the same key answers, and the
// answer. Whoever asks it at an address learns whether that leads to this installation;
// nobody else can ask it.
func (v *Vault) Challenge(now time.Time) (question, answer string) {
	at := strconv.FormatInt(now.Unix(), 10)
	return at + "." + v.sign("question", at), v.sign("answer", at)
}

func (v *Vault) sign(what, text string) string {
	mac := hmac.New(sha256.New, v.challenge)
	mac.Write([]byte(what + ":" + text))
	return hex.EncodeToString(mac.Sum(nil))
}

// AnswerChallenge answers a question that this installation has asked. Any other, and
// one from long ago, is KindNotFound.
func (a *App) AnswerChallenge(question string) (answer string, err error) {
	unknown := core.Errorf(core.KindNotFound, "Not found")
	at, proof, _ := strings.Cut(question, ".")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if a.vault == nil || err != nil || !hmac.Equal([]byte(proof), []byte(a.vault.sign("question", at))) {
		return "", unknown
	}
	if age := a.now().Sub(time.Unix(seconds, 0)).Abs(); age > challengeLife {
		return "", unknown
	}
	return a.vault.sign("answer", at), nil
}
