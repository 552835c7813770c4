// Package check reads the manifests as Kubernetes does, strictly, and looks whether they fit
// together. It is a module of its own: nobody else needs Kubernetes' types.
package check

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"
)

// manifests are what all files together make.
type manifests struct {
	namespaces []corev1.Namespace
	secrets    []corev1.Secret
	services   []corev1.Service
	sets       []appsv1.StatefulSet
	policies   []networkingv1.NetworkPolicy
	ingresses  []networkingv1.Ingress
}

func read(t *testing.T) (m manifests) {
	t.Helper()
	files, err := filepath.Glob("../*.yaml")
	if err != nil || len(files) != 5 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range bytes.Split(data, []byte("\n---\n")) {
			m.add(t, file, document)
		}
	}
	return m
}

func (m *manifests) add(t *testing.T, file string, document []byte) {
	t.Helper()
	var what metav1.TypeMeta
	if err := yaml.Unmarshal(document, &what); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	switch what.APIVersion + " " + what.Kind {
	case "v1 Namespace":
		m.namespaces = append(m.namespaces, strict[corev1.Namespace](t, file, document))
	case "v1 Secret":
		m.secrets = append(m.secrets, strict[corev1.Secret](t, file, document))
	case "v1 Service":
		m.services = append(m.services, strict[corev1.Service](t, file, document))
	case "apps/v1 StatefulSet":
		m.sets = append(m.sets, strict[appsv1.StatefulSet](t, file, document))
	case "networking.k8s.io/v1 NetworkPolicy":
		m.policies = append(m.policies, strict[networkingv1.NetworkPolicy](t, file, document))
	case "networking.k8s.io/v1 Ingress":
		m.ingresses = append(m.ingresses, strict[networkingv1.Ingress](t, file, document))
	default:
		t.Errorf("%s: %s %s is not looked at", file, what.APIVersion, what.Kind)
	}
}

// strict refuses fields that the type does not have, and those that stand there twice.
func strict[T any](t *testing.T, file string, document []byte) (one T) {
	t.Helper()
	if err := yaml.UnmarshalStrict(document, &one); err != nil {
		t.Errorf("%s: %v", file, err)
	}
	return one
}

func TestAFieldThatKubernetesDoesNotKnowIsRefused(t *testing.T) {
	var s appsv1.StatefulSet
	if yaml.UnmarshalStrict([]byte("spec: {replica: 1}"), &s) == nil {
		t.Error("it is taken")
	}
}

func TestTheManifestsFitTogether(t *testing.T) {
	m := read(t)
	if len(m.namespaces) != 1 || len(m.secrets) != 1 || len(m.services) != 4 || len(m.sets) != 4 || len(m.policies) != 1 || len(m.ingresses) != 1 {
		t.Fatalf("%d namespaces, %d secrets, %d services, %d sets, %d policies, %d ingresses", len(m.namespaces), len(m.secrets), len(m.services), len(m.sets), len(m.policies), len(m.ingresses))
	}
	services := map[string]corev1.Service{}
	for _, s := range m.services {
		services[s.Name] = s
		m.named(t, s.ObjectMeta)
	}
	used := map[string]bool{}
	for _, set := range m.sets {
		m.named(t, set.ObjectMeta)
		service, ok := services[set.Spec.ServiceName]
		if !ok || !maps.Equal(service.Spec.Selector, set.Spec.Template.Labels) {
			t.Errorf("%s has no service of its own", set.Name)
		}
		if !maps.Equal(set.Spec.Selector.MatchLabels, set.Spec.Template.Labels) {
			t.Errorf("%s does not select its own pods", set.Name)
		}
		for _, port := range service.Spec.Ports {
			if !listens(set, port.TargetPort) {
				t.Errorf("%s: nobody listens at port %s", set.Name, port.TargetPort.String())
			}
		}
		m.contained(t, set, used)
	}
	for _, key := range slices.Sorted(maps.Keys(m.secrets[0].StringData)) {
		if !used[key] {
			t.Errorf("nobody uses the secret %s", key)
		}
	}
	for _, path := range m.ingresses[0].Spec.Rules[0].HTTP.Paths {
		to := path.Backend.Service
		if !slices.ContainsFunc(services[to.Name].Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == to.Port.Name }) {
			t.Errorf("the ingress leads to %s %s, which is not there", to.Name, to.Port.Name)
		}
	}
	m.named(t, m.ingresses[0].ObjectMeta)
	m.named(t, m.policies[0].ObjectMeta)
}

// TestALoneServerGetsItsWebhooksWhateverElseIsAway: /readyz says no while the bucket is, and
// there is no other server for Kubernetes to ask.
func TestALoneServerGetsItsWebhooksWhateverElseIsAway(t *testing.T) {
	for _, set := range read(t).sets {
		if set.Name != "oore" {
			continue
		}
		probe := set.Spec.Template.Spec.Containers[0].ReadinessProbe
		if *set.Spec.Replicas != 1 || probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != "/healthz" {
			t.Errorf("%d servers, asked with %+v", *set.Spec.Replicas, probe)
		}
		return
	}
	t.Error("there is no server")
}

func (m *manifests) named(t *testing.T, about metav1.ObjectMeta) {
	t.Helper()
	if wrong := validation.IsDNS1123Subdomain(about.Name); len(wrong) > 0 || about.Namespace != m.namespaces[0].Name {
		t.Errorf("%s in %s: %v", about.Name, about.Namespace, wrong)
	}
}

func listens(set appsv1.StatefulSet, port intstr.IntOrString) bool {
	for _, c := range set.Spec.Template.Spec.Containers {
		if slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.Name == port.StrVal }) {
			return true
		}
	}
	return false
}

// contained looks at what the pods of a set use, and may.
func (m *manifests) contained(t *testing.T, set appsv1.StatefulSet, used map[string]bool) {
	t.Helper()
	pod := set.Spec.Template.Spec
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
	}
	for _, claim := range set.Spec.VolumeClaimTemplates {
		volumes[claim.Name] = true
		if claim.Spec.Resources.Requests.Storage().IsZero() {
			t.Errorf("%s: the volume %s has no size", set.Name, claim.Name)
		}
	}
	if policy := pod.SecurityContext.FSGroupChangePolicy; slices.ContainsFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == "oore" || c.Name == "runner" }) &&
		(policy == nil || *policy != corev1.FSGroupChangeOnRootMismatch) { // else each start opens every file of the data folder to the group
		t.Errorf("%s: files of the data folder do not keep their modes", set.Name)
	}
	safe := pod.SecurityContext != nil && *pod.SecurityContext.RunAsNonRoot && !*pod.AutomountServiceAccountToken && !*pod.EnableServiceLinks
	for _, c := range pod.Containers {
		safe = safe && !*c.SecurityContext.AllowPrivilegeEscalation && slices.Equal(c.SecurityContext.Capabilities.Drop, []corev1.Capability{"ALL"})
		for _, mount := range c.VolumeMounts {
			if !volumes[mount.Name] {
				t.Errorf("%s: there is no volume %s", set.Name, mount.Name)
			}
		}
		for _, env := range c.Env {
			if env.ValueFrom == nil || env.ValueFrom.SecretKeyRef == nil {
				continue
			}
			from := env.ValueFrom.SecretKeyRef
			if _, ok := m.secrets[0].StringData[from.Key]; !ok || from.Name != m.secrets[0].Name {
				t.Errorf("%s: %s is from a secret %s/%s that is not there", set.Name, env.Name, from.Name, from.Key)
			}
			used[from.Key] = true
		}
	}
	if !safe {
		t.Errorf("%s may do more than it needs", set.Name)
	}
}
