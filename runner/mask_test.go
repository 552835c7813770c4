package runner

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sink gathers what is written, in pieces.
type sink struct {
	bytes.Buffer
	pieces int
	closed bool
}

func (s *sink) Write(p []byte) (int, error) { s.pieces++; return s.Buffer.Write(p) }

func (s *sink) Close() error { s.closed = true; return nil }

// through writes the pieces through a mask of the secrets and returns what comes out.
func through(secrets []string, pieces ...string) string {
	var m masks
	for _, s := range secrets {
		m.add(s)
	}
	var out sink
	w := m.writer(&out)
	for _, p := range pieces {
		_, _ = w.Write([]byte(p))
	}
	if w, ok := w.(*maskWriter); ok {
		_ = w.Close()
	}
	return out.String()
}

func TestNothingToHideCostsNothing(t *testing.T) {
	var m masks
	var out sink
	if m.writer(&out) != &out {
		t.Error("a writer stands between")
	}
	m.add("")
	m.add(" ab \n") // too short
	if m.writer(&out) != &out || m.text("  ab") != "  ab" {
		t.Error("what is too short to be hidden is hidden")
	}
}

func TestWhatIsHidden(t *testing.T) {
	key := "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nshort\nhkiG9w0BAQEFAASC\n-----END KEY-----\n"
	account, err := json.Marshal(map[string]string{"private_key": key})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("0123456789abcdef", 20)
	for name, c := range map[string]struct{ secret, text, want string }{
		"alone":                    {"s3cr3t", "s3cr3t", "***"},
		"in a line":                {"s3cr3t", "a s3cr3t b\n", "a *** b\n"},
		"twice":                    {"s3cr3t", "s3cr3ts3cr3t", "******"},
		"overlapping itself":       {"abcabc", "xabcabcabcx", "x***x"},
		"almost":                   {"s3cr3t", "s3cr3 t s3cr3T s3cr3", "s3cr3 t s3cr3T s3cr3"},
		"white space around":       {"\n s3cr3t\n", "<s3cr3t>", "<***>"},
		"other bytes":              {"s3cr3t", "\xff\x00s3cr3t\xfe\r\n", "\xff\x00***\xfe\r\n"},
		"each long line":           {key, "x MIIEvQIBADANBgkq y\nshort\n hkiG9w0BAQEFAASC", "x *** y\nshort\n ***"},
		"the whole":                {key, "[" + key + "]", "[***\n]"},
		"CRLF":                     {strings.ReplaceAll(key, "\n", "\r\n"), "MIIEvQIBADANBgkq", "***"},
		"a line within JSON":       {string(account), "MIIEvQIBADANBgkq", "***"},
		"base64":                   {"s3cr3t!", "c2VjcmV0 czNjcjN0IQ==", "c2VjcmV0 ***"},
		"base64 after a name":      {"s3cr3t", base64.StdEncoding.EncodeToString([]byte("me:s3cr3t")), "bWU6***"},
		"base64 after one byte":    {"s3cr3t!!", "x" + base64.StdEncoding.EncodeToString([]byte(":s3cr3t!!")), "xOn***"},
		"base64 after two bytes":   {"s3cr3t!", base64.StdEncoding.EncodeToString([]byte("u:s3cr3t!")), "dTp***"},
		"base64 in lines":          {long, strings.Join(wrapped(base64.StdEncoding.EncodeToString([]byte(long+"\n")), 76), "\n"), strings.Repeat("***\n", 5) + "***"},
		"openssl's lines":          {long, strings.Join(wrapped(base64.StdEncoding.EncodeToString([]byte(long)), 64), "\n"), strings.Repeat("***\n", 6) + "***"},
		"xxd's lines":              {long, strings.Join(wrapped(hex.EncodeToString([]byte(long)), 60), "\n"), strings.Repeat("***\n", 10) + "***"},
		"base64url":                {"~~~???>>>", "fn5-Pz8_Pj4-", "***"},
		"hex":                      {"s3cr3t", "733363723374 733363723374", "*** ***"},
		"upper hex":                {"jklmno", "6A6B6C6D6E6F", "***"},
		"URL":                      {"a b/c+d&e", "q=a+b%2Fc%2Bd%26e", "q=***"},
		"URL with spaces as %20":   {"a b/c+d&e", "a%20b%2Fc%2Bd%26e", "***"},
		"URL in lower case":        {"a b/c+d&e", "a%20b%2fc%2bd%26e", "***"},
		"URL's path":               {"a b/c+d&e", "a%20b%2Fc+d&e", "***"},
		"encodeURIComponent":       {"(a b)!*'", "(a%20b)!*'", "***"},
		"JSON":                     {"a\"b\\c\td", `{"x":"a\"b\\c\td"}`, `{"x":"***"}`},
		"JSON of Go":               {"a<b>&c", `a\u003cb\u003e\u0026c`, "***"},
		"JSON of PHP":              {"a/b/c", `a\/b\/c`, "***"},
		"JSON of Python":           {"pä𝄞s", `p\u00e4\ud834\udd1es`, "***"},
		"XML":                      {`a<b>"c"&'d'`, "a&lt;b&gt;&quot;c&quot;&amp;&apos;d&apos;", "***"},
		"dash's trace":             {"it's me", `+ echo 'it'"'"'s me'`, `+ echo '***'`},
		"bash's trace":             {"it's me", `+ echo 'it'\''s me'`, `+ echo '***'`},
		"printf %q":                {"it's $me", `it\'s\ \$me`, "***"},
		"in double quotes":         {"a\"b$c`d", "\"a\\\"b\\$c\\`d\"", `"***"`},
		"a short one in long text": {"1234", "01234512340", "0***5***0"},
	} {
		if got := through([]string{c.secret}, c.text); got != c.want {
			t.Errorf("%s: %q of %q, want %q", name, got, c.text, c.want)
		}
		var bytewise []string
		for i := range len(c.text) {
			bytewise = append(bytewise, c.text[i:i+1])
		}
		if got := through([]string{c.secret}, bytewise...); got != c.want {
			t.Errorf("%s, byte by byte: %q, want %q", name, got, c.want)
		}
	}
}

func TestOverlappingSecretsLeaveNothing(t *testing.T) {
	secrets := []string{"abcdef", "defghi", "abcd", "hijk"}
	for text, want := range map[string]string{
		"abcdefghi": "***", "xabcdxx": "x***xx", "abcdefghijk.": "***.", "abcdefgh": "***gh", "abcdhijk": "******",
	} {
		for cut := range len(text) + 1 {
			if got := through(secrets, text[:cut], text[cut:]); got != want {
				t.Errorf("%q cut at %d: %q, want %q", text, cut, got, want)
			}
		}
	}
}

// What cannot become a secret passes at once, so that progress is seen.
func TestOutputIsHeldOnlyWhileItMayBeASecret(t *testing.T) {
	var m masks
	m.add("first line\nsecond\nthird one")
	var out sink
	w := m.writer(&out)
	for _, step := range []struct{ write, want string }{
		{"Compiling…\n", "Compiling…\n"},
		{"12 %", "12 %"},
		{"\n", "\n"},
		{"a line\nfirst li", "a line\n"},
		{"es\n", "first lies\n"},
		{"first line\n", ""}, // the whole may follow
		{"so ", "***\nso "},
		{"fi", ""},
		{"n", "fin"},
	} {
		out.Reset()
		_, _ = w.Write([]byte(step.write))
		if got := out.String(); got != step.want {
			t.Errorf("after %q came %q, want %q", step.write, got, step.want)
		}
	}
	out.Reset()
	if err := w.(*maskWriter).Close(); err != nil || !out.closed || out.Len() > 0 {
		t.Errorf("closed with %v, %q", err, out.String())
	}
}

// encoders are what tools do with a secret; each in a text around it.
func encoders() map[string]func(r *rand.Rand, secret string) string {
	around := func(r *rand.Rand, s string) string { return randomText(r, r.IntN(7)) + s + randomText(r, r.IntN(7)) }
	jsonText := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			panic(err)
		}
		return string(b)
	}
	return map[string]func(*rand.Rand, string) string{
		"plain":         func(_ *rand.Rand, s string) string { return s },
		"base64":        func(_ *rand.Rand, s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64 raw":    func(_ *rand.Rand, s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
		"base64 echo":   func(_ *rand.Rand, s string) string { return base64.StdEncoding.EncodeToString([]byte(s + "\n")) },
		"base64 within": func(r *rand.Rand, s string) string { return base64.StdEncoding.EncodeToString([]byte(around(r, s))) },
		"base64url":     func(r *rand.Rand, s string) string { return base64.RawURLEncoding.EncodeToString([]byte(around(r, s))) },
		"hex":           func(r *rand.Rand, s string) string { return hex.EncodeToString([]byte(around(r, s))) },
		"HEX":           func(r *rand.Rand, s string) string { return strings.ToUpper(hex.EncodeToString([]byte(around(r, s)))) },
		"query":         func(_ *rand.Rand, s string) string { return url.QueryEscape(s) },
		"path":          func(_ *rand.Rand, s string) string { return url.PathEscape(s) },
		"json":          func(r *rand.Rand, s string) string { return jsonText(around(r, s)) },
		"go":            func(_ *rand.Rand, s string) string { return strconv.Quote(s) },
		"go ascii":      func(_ *rand.Rand, s string) string { return strconv.QuoteToASCII(s) },
		"xml":           func(r *rand.Rand, s string) string { return html.EscapeString(around(r, s)) },
		"sh":            func(_ *rand.Rand, s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" },
	}
}

func randomText(r *rand.Rand, n int) string {
	const bytes = "abcXYZ019 -_/+=.,:;!?$&'\"\\`<>()[]{}|~#%@*^äß\t"
	runes := []rune(bytes)
	var b strings.Builder
	for range n {
		b.WriteRune(runes[r.IntN(len(runes))])
	}
	return b.String()
}

// randomSecret has no white space at its ends, where nothing of it would be hidden.
func randomSecret(r *rand.Rand) string {
	for {
		s := strings.TrimSpace(randomText(r, 6+r.IntN(60)))
		if r.IntN(8) == 0 {
			s += "\n" + randomText(r, 20) + "\nx"
		}
		if len([]rune(s)) >= 6 {
			return strings.TrimSpace(s)
		}
	}
}

func randomBase64(r *rand.Rand, n int) string {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(r.IntN(256))
	}
	return base64.StdEncoding.EncodeToString(data)
}

// cut makes pieces of text at random places.
func cut(r *rand.Rand, text string) []string {
	var pieces []string
	for len(text) > 0 {
		n := 1 + r.IntN(len(text))
		if r.IntN(3) == 0 {
			n = 1 + r.IntN(min(3, len(text)))
		}
		pieces, text = append(pieces, text[:n]), text[n:]
	}
	return pieces
}

// leaks tells whether the secret can be read in what came out. Of base64 a few bits at
// its ends belong to what stands around it.
func leaks(out, name, secret string) bool {
	if strings.Contains(out, secret) {
		return true
	}
	if strings.HasPrefix(name, "base64") {
		for _, form := range base64Forms(secret) {
			if strings.Contains(out, form) {
				return true
			}
		}
	}
	return strings.Contains(strings.ToLower(out), hex.EncodeToString([]byte(secret)))
}

func TestNoSecretPassesInAnyEncodingAndAnyPieces(t *testing.T) {
	rounds, perRound := 1000, 100
	if testing.Short() {
		rounds = 50
	}
	all := encoders()
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for round := range rounds {
		r := rand.New(rand.NewPCG(uint64(round), 7))
		var m masks
		var secrets []string
		for range 1 + r.IntN(3) {
			secrets = append(secrets, randomSecret(r))
			m.add(secrets[len(secrets)-1])
		}
		if round%10 == 0 { // beside a long key the scanner looks at longer blocks
			key := strings.Join(wrapped(randomBase64(r, 2000), 64), "\n")
			secrets = append(secrets, key)
			m.add(key)
		}
		for try := range perRound {
			secret, name := secrets[r.IntN(len(secrets))], names[r.IntN(len(names))]
			encoded := all[name](r, secret)
			before, after := fmt.Sprint("<", try, ">\n"), "</>\n"
			var out sink
			w := m.writer(&out)
			for _, piece := range cut(r, before+encoded+after) {
				_, _ = w.Write([]byte(piece))
			}
			_ = w.(*maskWriter).Close()
			got := out.String()
			if leaks(got, name, secret) || !strings.Contains(got, masked) || name != "hex" && name != "HEX" && strings.Contains(got, encoded) {
				t.Fatalf("round %d: %s of %q came out as %q of %q", round, name, secret, got, encoded)
			}
			if !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) {
				t.Fatalf("round %d: around %q came %q", round, encoded, got)
			}
		}
	}
}

func TestTheScannerTakesLongerBlocksForManyNeedles(t *testing.T) {
	if s := newScanner(needles("s3cr3t")); s.block != 2 {
		t.Errorf("for one secret it looks at %d bytes", s.block)
	}
	key := strings.Join(wrapped(randomBase64(rand.New(rand.NewPCG(1, 2)), 2000), 64), "\n")
	if s := newScanner(needles(key)); s.block != 3 {
		t.Errorf("for a key it looks at %d bytes", s.block)
	}
}

// Pieces change nothing, and without a needle no byte does.
func FuzzMask(f *testing.F) {
	f.Add("s3cr3t", "other one", []byte("a s3cr3t b"), uint64(1))
	f.Add("aaaa", "aaaaab", []byte("aaaaaaaabaaa"), uint64(2))
	f.Add("line one\nline two", "two", []byte("line one\nline "), uint64(3))
	f.Add(strings.Join(wrapped(randomBase64(rand.New(rand.NewPCG(1, 2)), 2000), 64), "\n"), "1a3b", []byte("a 1a3b, 1a"), uint64(4))
	f.Add("\xff\xfe\xfd\xfc", "****", []byte("\xff\xfe\xfd\xfc\x00"), uint64(4))
	f.Fuzz(func(t *testing.T, one, two string, text []byte, seed uint64) {
		secrets := []string{one, two}
		want := slowly(append(needles(one), needles(two)...), string(text))
		if got := through(secrets, string(text)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if got := through(secrets, cut(rand.New(rand.NewPCG(seed, 1)), string(text))...); got != want {
			t.Errorf("in pieces %q, want %q", got, want)
		}
		for _, secret := range secrets {
			if secret = strings.TrimSpace(secret); len(needles(secret)) > 0 && !strings.Contains(masked+masked, secret) && strings.Contains(strings.ReplaceAll(want, masked, "\x00"), secret) {
				t.Errorf("%q is in %q", secret, want)
			}
		}
	})
}

// slowly is the plainest way to mask.
func slowly(needles []string, text string) string {
	covered := make([]bool, len(text))
	joined := make([]bool, len(text)+1) // a needle goes on over this border
	for start := range len(text) {
		for _, n := range needles {
			if strings.HasPrefix(text[start:], n) {
				for i := range len(n) {
					covered[start+i] = true
					joined[start+i] = joined[start+i] || i > 0
				}
			}
		}
	}
	var b strings.Builder
	for i := range len(text) {
		switch {
		case !covered[i]:
			b.WriteByte(text[i])
		case !joined[i]:
			b.WriteString(masked)
		}
	}
	return b.String()
}
