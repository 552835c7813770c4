package main

import (
	"bufio"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// exactly sends a request as it is, header by header, and returns the answer.
func (p *program) exactly(method, path, body string, headers ...string) (status int, text string, session bool) {
	p.t.Helper()
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	defer conn.Close()
	lines := append([]string{method + " " + path + " HTTP/1.1", "Host: " + p.addr, "Connection: close", "Accept: text/html"}, headers...)
	if method == http.MethodPost {
		lines = append(lines, "Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin", "Content-Length: 0")
	}
	if _, err := conn.Write([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n" + body)); err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	for _, c := range resp.Cookies() {
		session = session || c.Name == "oore_session" && c.Value != ""
	}
	var b strings.Builder
	if _, err := bufio.NewReader(resp.Body).WriteTo(&b); err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, b.String(), session
}

// TestTheProxysDoor tries every header by which somebody else could pass for the proxy, or
// for somebody else behind it.
func TestTheProxysDoor(t *testing.T) {
	const secret = "the-proxys-own-secret-of-32-characters"
	setup := []string{"OORE_RUNNERS=0", "OORE_PROXY_HEADER=X-Forwarded-Email", "OORE_PROXY_SECRET=" + secret, "OORE_SIGN_IN_DOMAINS=example.org"}
	near := newProgram(t, "", nil, append(setup, "OORE_PROXY_NETWORKS=127.0.0.1/32,::1")...).start()
	far := newProgram(t, "", nil, append(setup, "OORE_PROXY_NETWORKS=10.1.2.3,192.168.0.0/16")...).start()
	off := newProgram(t, "", nil, "OORE_RUNNERS=0").start()
	for _, p := range []*program{near, far, off} {
		p.invited("ada@example.com", "developer")
		p.invited("owner@example.com", "owner")
	}
	ada, proof := "X-Forwarded-Email: ada@example.com", "Oore-Proxy-Secret: "+secret
	for _, test := range []struct {
		name    string
		p       *program
		headers []string
		status  int // 303: signed in
		says    string
	}{
		{"the proxy", near, []string{ada, proof}, 303, ""},
		{"in lower case", near, []string{strings.ToLower(ada[:17]) + ada[17:], strings.ToLower(proof[:17]) + proof[17:]}, 303, ""},
		{"whatever the request says of its way", near, []string{ada, proof, "X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9", "X-Real-IP: 203.0.113.9"}, 303, ""},
		{"of an allowed domain", near, []string{"X-Forwarded-Email: new@example.org", proof}, 303, ""},
		{"unknown", near, []string{"X-Forwarded-Email: new@example.net", proof}, 403, "no user with the e-mail new@example.net"},
		{"not set up", off, []string{ada, proof}, 401, "No proxy says who you are"},
		{"from another address", far, []string{ada, proof}, 401, "No proxy says who you are"},
		{"from another address, which says otherwise", far, []string{ada, proof, "X-Forwarded-For: 10.1.2.3"}, 401, "No proxy says who you are"},
		{"the same with every header there is", far, []string{ada, proof, "X-Real-IP: 10.1.2.3", "Forwarded: for=10.1.2.3", "X-Client-IP: 10.1.2.3", "True-Client-IP: 10.1.2.3", "Via: 1.1 10.1.2.3", "X-Forwarded-For: 203.0.113.9, 192.168.1.1"}, 401, "No proxy says who you are"},
		{"without the secret", near, []string{ada}, 401, "No proxy says who you are"},
		{"with another secret", near, []string{ada, proof + "x"}, 401, "No proxy says who you are"},
		{"with an empty secret", near, []string{ada, "Oore-Proxy-Secret:"}, 401, "No proxy says who you are"},
		{"with two secrets", near, []string{ada, "Oore-Proxy-Secret: guess", proof}, 401, "No proxy says who you are"},
		{"without the header", near, []string{proof}, 401, "No proxy says who you are"},
		{"with an empty header", near, []string{"X-Forwarded-Email:", proof}, 401, "No proxy says who you are"},
		{"with two headers", near, []string{ada, "X-Forwarded-Email: owner@example.com", proof}, 400, "more than once"},
		{"with two headers, the other way round", near, []string{"X-Forwarded-Email: owner@example.com", ada, proof}, 400, "more than once"},
		{"with two in other letters", near, []string{ada, "x-forwarded-EMAIL: owner@example.com", proof}, 400, "more than once"},
		{"with a header that looks alike", near, []string{"X_Forwarded_Email: owner@example.com", proof}, 401, "No proxy says who you are"},
		{"with a list", near, []string{"X-Forwarded-Email: ada@example.com, owner@example.com", proof}, 400, "holds no e-mail address"},
		{"with a name", near, []string{"X-Forwarded-Email: Owner <owner@example.com>", proof}, 400, "holds no e-mail address"},
		{"with what is no address", near, []string{"X-Forwarded-Email: owner", proof}, 400, "holds no e-mail address"},
		{"with letters that look alike", near, []string{"X-Forwarded-Email: own\u0435r@example.com", proof}, 403, "no verified e-mail address"},
	} {
		status, text, session := test.p.exactly("POST", "/sign-in/proxy", "", test.headers...)
		if status != test.status || session != (test.status == 303) || !strings.Contains(text, test.says) {
			t.Errorf("%s: %d, session %t, want %d %q", test.name, status, session, test.status, test.says)
		}
	}
	// A space before the colon, or a folded line, hides a header from one and not from the other.
	for _, broken := range []string{"X-Forwarded-Email : owner@example.com", "X-Other: a\r\n X-Forwarded-Email: owner@example.com"} {
		if status, _, session := near.exactly("POST", "/sign-in/proxy", "", broken, proof); session {
			t.Errorf("%q signs in: %d", broken, status)
		}
	}
	// The page offers it to whom the proxy names, and says nothing to others.
	if _, text, _ := near.exactly("GET", "/login", "", ada, proof); !strings.Contains(text, "Continue as ada@example.com") {
		t.Error("the page does not offer it")
	}
	if _, text, _ := far.exactly("GET", "/login", "", ada, proof); strings.Contains(text, "Continue as") {
		t.Error("the page offers it to anybody")
	}
	// Nor does the header stand for a session.
	for _, path := range []string{"/builds", "/v1/users/me"} {
		if status, _, _ := near.exactly("GET", path, "", ada, proof); status < 300 {
			t.Errorf("%s without a session: %d", path, status)
		}
	}
	// Another site cannot make a browser do it.
	b := near.person()
	got := b.send("POST", near.url+"/sign-in/proxy", url.Values{}, "X-Forwarded-Email", "ada@example.com", "Oore-Proxy-Secret", secret, "Sec-Fetch-Site", "cross-site")
	if got.status == http.StatusSeeOther && b.session() != "" {
		t.Errorf("from another site: %d", got.status)
	}
	if e := near.audit("action=session.begin").Logs; len(e) != 4 || e[3].Actor != "ada" || e[3].Door != "web" {
		t.Errorf("%+v", e)
	}
}
