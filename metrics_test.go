package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/oore-ci/oore/app/core"
)

type families map[string]*dto.MetricFamily

// scrape reads /metrics as Prometheus does.
func (p *program) scrape() families {
	p.t.Helper()
	resp, err := http.Get(p.url + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("/metrics answered %d, %v: %s", resp.StatusCode, err, body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	all, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		p.t.Fatalf("%v in\n%s", err, body)
	}
	return all
}

// sum adds up the samples that have the label values; of a histogram, its observations.
func (f families) sum(name string, values ...string) float64 {
	total := 0.0
	for _, m := range f[name].GetMetric() {
		var have []string
		for _, l := range m.GetLabel() {
			have = append(have, l.GetValue())
		}
		if slices.ContainsFunc(values, func(v string) bool { return !slices.Contains(have, v) }) {
			continue
		}
		total += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	return total
}

func TestMetricsShowTheWorkThatWasDone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := newSite(t, database, workflow("sleep 300 & echo hello"))
		s.gh.SetBudget(s.repo.InstallationID, 5000, 4000, time.Now().Add(time.Hour))
		s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
		build := s.build(s.decided(s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head))).Verdicts[0].BuildID)
		eventually(t, "the build has succeeded", func() bool { return s.build(build.ID).Status == "succeeded" })
		if resp, err := http.Post(s.url+"/v1/webhooks/github", "application/json", strings.NewReader("{}")); err != nil || resp.StatusCode != http.StatusUnauthorized {
			t.Fatalf("an unsigned webhook: %v %v", resp, err)
		}
		<-s.follow("/v1/builds/"+build.ID+"/logs/stream", "Authorization: Bearer "+adminToken)
		var f families
		eventually(t, "the statuses have been told", func() bool {
			f = s.scrape()
			return f.sum("oore_outbound_requests_total", "forge", "status", "ok") >= 1 && f.sum("oore_sse_connections") == 0 && f.sum(core.MetricSurveys, "github", "ok") >= 1
		})
		for _, want := range []struct {
			least  float64
			name   string
			labels []string
		}{
			{1, core.MetricWebhooks, []string{"github", "push", "accepted"}},
			{1, core.MetricWebhooks, []string{"github", "other", "bad_signature"}},
			{2, core.MetricWebhookAck, []string{"github"}},
			{1, core.MetricFinished, []string{"succeeded"}},
			{1, core.MetricDuration, []string{"succeeded"}},
			{1, core.MetricClaims, []string{"ok"}},
			{1, core.MetricQueueWait, nil},
			{1, core.MetricStatusLag, nil},
			{3900, core.MetricRateLeft, []string{"github"}},
			{1, core.MetricExtended, nil},
			{1, core.MetricKills, []string{"term"}},
			{5, core.MetricLogBytes, nil},
			{1, core.MetricLogFlush, nil},
			{1, core.MetricTransactions, []string{"receive"}},
			{1, core.MetricTransactions, []string{"decide"}},
			{1, core.MetricTransactions, []string{"claim"}},
			{1, core.MetricTransactions, []string{"renew"}},
			{2, core.MetricTransactions, []string{"build"}},
			{1, core.MetricTransactions, []string{"other"}},
			{1, core.MetricAuthFailures, []string{"webhook"}},
			{1, core.MetricAudit, nil},
			{1, core.MetricRequests, []string{"POST", "/v1/webhooks/github", "200"}},
			{1, core.MetricRunners, []string{"online"}},
			{2, core.MetricSlots, []string{"all"}},
			{1, core.MetricBuildInfo, []string{"dev"}},
			{1, core.MetricDiskFree, []string{"data"}},
			{float64(time.Now().Add(-time.Minute).Unix()), core.MetricReaper, nil},
		} {
			if got := f.sum(want.name, want.labels...); got < want.least {
				t.Errorf("%s%v is %v, want %v or more", want.name, want.labels, got, want.least)
			}
		}
		if f.sum(core.MetricReadingsFailing) != 0 || f.sum(core.MetricInboxDepth) != 0 || f.sum(core.MetricLive) != 0 || f.sum(core.MetricBreakers) != 0 || f.sum(core.MetricOrphans) != 0 {
			t.Errorf("something waits, or could not be read: %v", f[core.MetricInboxDepth])
		}
		checkMetrics(t, f, build)
		checkDashboard(t, f)
		checkAlerts(t, f)
	})
}

// checkMetrics holds what is shown against the linter of Prometheus and our own table,
// and looks for labels that would grow without end.
func checkMetrics(t *testing.T, f families, b buildView) {
	t.Helper()
	for name, family := range f {
		if !strings.HasPrefix(name, "oore_") {
			continue
		}
		faults, err := promlint.NewWithMetricFamilies([]*dto.MetricFamily{family}).Lint()
		if err != nil || len(faults) > 0 {
			t.Errorf("%s: %v %v", name, faults, err)
		}
		if !slices.ContainsFunc(core.Metrics(), func(m core.Metric) bool { return m.Name == name }) {
			t.Errorf("%s is not in the table", name)
		}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				for _, secret := range []string{b.ID, "acme", "shop", "main", "hello", adminToken} {
					if strings.Contains(l.GetValue(), secret) && l.GetName() != "route" {
						t.Errorf("%s has the label %s=%q", name, l.GetName(), l.GetValue())
					}
				}
			}
		}
	}
	manual, err := os.ReadFile("docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range core.Metrics() {
		row := fmt.Sprintf("| `%s` | %s | %s | %s |", m.Name, m.Kind, strings.Join(m.Labels, ", "), m.Help)
		if !strings.Contains(string(manual), row+"\n") {
			t.Errorf("docs/monitoring.md lacks this row:\n%s", row)
		}
	}
}

// wantMetrics parses an expression and looks whether there is each metric in it.
func wantMetrics(t *testing.T, f families, where, expression string) {
	t.Helper()
	for _, variable := range []string{"$__rate_interval", "$instance"} {
		expression = strings.ReplaceAll(expression, variable, "5m")
	}
	parsed, err := metricsql.Parse(expression)
	if err != nil {
		t.Errorf("%s: %s: %v", where, expression, err)
		return
	}
	found := 0
	metricsql.VisitAll(parsed, func(e metricsql.Expr) {
		m, ok := e.(*metricsql.MetricExpr)
		if !ok {
			return
		}
		for _, filters := range m.LabelFilterss {
			for _, l := range filters {
				if l.Label != "__name__" {
					continue
				}
				found++
				if !known(f, l.Value) {
					t.Errorf("%s: there is no metric %s", where, l.Value)
				}
			}
		}
	})
	if found == 0 {
		t.Errorf("%s: %s asks for no metric", where, expression)
	}
}

// known tells whether a name is shown, or is one of our table that nothing has moved yet.
func known(f families, name string) bool {
	name = strings.TrimSuffix(name, "_bucket")
	return f[name] != nil || name == "up" || slices.ContainsFunc(core.Metrics(), func(m core.Metric) bool { return m.Name == name })
}

func checkDashboard(t *testing.T, f families) {
	t.Helper()
	text, err := os.ReadFile("docs/monitoring/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil || len(board.Panels) == 0 {
		t.Fatalf("%d panels, %v", len(board.Panels), err)
	}
	for _, p := range board.Panels {
		if len(p.Targets) == 0 {
			t.Errorf("the panel %q asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			wantMetrics(t, f, "panel "+p.Title, target.Expr)
		}
	}
}

type alertRule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func alertRules(t *testing.T) (all []alertRule) {
	t.Helper()
	text, err := os.ReadFile("docs/monitoring/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Name  string
			Rules []alertRule
		}
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&rules); err != nil {
		t.Fatal(err)
	}
	for _, g := range rules.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

func checkAlerts(t *testing.T, f families) {
	t.Helper()
	seen := map[string]bool{}
	for _, r := range alertRules(t) {
		if r.Alert == "" || seen[r.Alert] || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("the alert %q is not whole, or there twice", r.Alert)
		}
		seen[r.Alert] = true
		if _, err := model.ParseDuration(r.For); r.For != "" && err != nil {
			t.Errorf("%s: for: %v", r.Alert, err)
		}
		wantMetrics(t, f, "alert "+r.Alert, r.Expr)
	}
}

func TestMetricsAreForThisMachineItsTokenAndAdmins(t *testing.T) {
	const token = "a-token-for-prometheus-alone"
	p := newProgram(t, "", nil, "OORE_METRICS_TOKEN="+token).start()
	asked := func(headers ...string) int {
		resp, _ := p.ask(http.MethodGet, p.url+"/metrics", headers...)
		return resp.StatusCode
	}
	const proxied = "X-Forwarded-For: 203.0.113.7"
	if got := asked(); got != http.StatusOK {
		t.Errorf("on this machine: %d", got)
	}
	for _, c := range []struct {
		secret string
		want   int
	}{{"", http.StatusUnauthorized}, {"wrong", http.StatusUnauthorized}, {token, http.StatusOK}, {adminToken, http.StatusOK}} {
		headers := []string{proxied}
		if c.secret != "" {
			headers = append(headers, "Authorization: Bearer "+c.secret)
		}
		if got := asked(headers...); got != c.want {
			t.Errorf("through a proxy with %q: %d, want %d", c.secret, got, c.want)
		}
	}
	var made struct{ Token string }
	p.must("POST", "/v1/api-tokens", map[string]any{"name": "dev", "role": "developer"}, &made)
	if got := asked(proxied, "Authorization: Bearer "+made.Token); got != http.StatusForbidden {
		t.Errorf("a developer's token: %d", got)
	}
}
