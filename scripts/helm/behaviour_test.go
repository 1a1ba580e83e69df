package helm_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const own = "valkey: {enabled: false}\nredis: {url: 'rediss://redis.example.com:6379'}\n"

// pod is the template of a workload's pods.
func pod(m map[string]any) any { return at(m, "spec", "template", "spec") }

func container(m map[string]any) any { return at(pod(m), "containers", 0) }

// environment is that of the first container; what comes from a Secret is "name/key".
func environment(m map[string]any) (values map[string]string, order []string) {
	values = map[string]string{}
	list, _ := at(container(m), "env").([]any)
	for _, e := range list {
		name := at(e, "name").(string)
		order = append(order, name)
		if ref := at(e, "valueFrom", "secretKeyRef"); ref != nil {
			values[name] = fmt.Sprint(at(ref, "name"), "/", at(ref, "key"))
		} else {
			values[name], _ = at(e, "value").(string)
		}
	}
	return values, order
}

func TestItDrainsBeforeItIsKilled(t *testing.T) {
	for _, seconds := range []int{1, 20, 600} {
		d := with(t, fmt.Sprintf("drainSeconds: %d", seconds)).must(t, "Deployment/signal-rejoin-signal")
		env, _ := environment(d)
		if killed := at(pod(d), "terminationGracePeriodSeconds").(float64); killed < float64(seconds+5) || env["DRAIN_TIMEOUT"] != fmt.Sprintf("%ds", seconds) {
			t.Errorf("drains for %s, is killed after %v s", env["DRAIN_TIMEOUT"], killed)
		}
	}
}

func TestTheClientsOfOneInstanceMoveAtATime(t *testing.T) {
	m := with(t, "")
	update := at(m.must(t, "Deployment/signal-rejoin-signal"), "spec", "strategy", "rollingUpdate")
	if at(update, "maxSurge") != 1.0 || at(update, "maxUnavailable") != 0.0 {
		t.Errorf("%v", update)
	}
	if got := at(m.must(t, "PodDisruptionBudget/signal-rejoin-signal"), "spec", "maxUnavailable"); got != 1.0 {
		t.Errorf("nodes are emptied of %v at a time", got)
	}
	down := at(m.must(t, "HorizontalPodAutoscaler/signal-rejoin-signal"), "spec", "behavior", "scaleDown")
	if at(down, "policies", 0, "value") != 1.0 || at(down, "stabilizationWindowSeconds").(float64) < 300 {
		t.Errorf("it shrinks fast: %v", down)
	}
}

func TestAnInstanceWithoutRedisIsNotRestarted(t *testing.T) {
	c := container(with(t, "").must(t, "Deployment/signal-rejoin-signal"))
	for probe, path := range map[string]string{"startupProbe": "/health", "livenessProbe": "/health", "readinessProbe": "/ready"} {
		if at(c, probe, "httpGet", "path") != path || at(c, probe, "httpGet", "port") != "http" {
			t.Errorf("%s: %v", probe, at(c, probe))
		}
	}
}

func TestTheAutoscalerOwnsTheCount(t *testing.T) {
	m := with(t, "")
	if got := at(m.must(t, "Deployment/signal-rejoin-signal"), "spec", "replicas"); got != nil {
		t.Errorf("an upgrade sets %v instances, whatever the autoscaler found", got)
	}
	m = with(t, "autoscaling: {enabled: false}\nreplicas: 7")
	if at(m.must(t, "Deployment/signal-rejoin-signal"), "spec", "replicas") != 7.0 || m["HorizontalPodAutoscaler/signal-rejoin-signal"] != nil {
		t.Error("without it, 7 instances are asked for")
	}
	metrics := func(text string) (types []string) {
		for _, metric := range at(with(t, text).must(t, "HorizontalPodAutoscaler/signal-rejoin-signal"), "spec", "metrics").([]any) {
			types = append(types, at(metric, "type").(string))
		}
		return types
	}
	if got := metrics("autoscaling: {connections: 10000}"); !slices.Equal(got, []string{"Pods", "Resource"}) {
		t.Error(got)
	}
	if got := metrics(""); !slices.Equal(got, []string{"Resource"}) {
		t.Errorf("%v: without an adapter it stops at a metric that it cannot read", got)
	}
}

// TestEveryContainerIsConfined: coturn's binary is marked with a capability, and it is on its node's network.
func TestEveryContainerIsConfined(t *testing.T) {
	for name, text := range examples(t) {
		for key, m := range with(t, text) {
			spec := pod(m)
			if strings.HasPrefix(key, "Pod/") {
				spec = at(m, "spec")
			}
			if spec == nil {
				continue
			}
			coturn := strings.HasPrefix(key, "DaemonSet/")
			c := at(spec, "containers", 0)
			security := at(c, "securityContext")
			if at(spec, "securityContext", "runAsNonRoot") != true || at(spec, "automountServiceAccountToken") != false ||
				at(spec, "securityContext", "seccompProfile", "type") != "RuntimeDefault" || at(spec, "enableServiceLinks") != false {
				t.Errorf("%s: %s: %v", name, key, spec)
			}
			if at(security, "readOnlyRootFilesystem") != true || at(security, "capabilities", "drop", 0) != "ALL" || at(security, "allowPrivilegeEscalation") != coturn {
				t.Errorf("%s: %s: %v", name, key, security)
			}
			if at(c, "resources", "limits", "memory") == nil || at(c, "resources", "requests", "cpu") == nil {
				t.Errorf("%s: %s: no bound on its memory", name, key)
			}
			if (at(spec, "hostNetwork") == true) != coturn {
				t.Errorf("%s: %s is on its node's network", name, key)
			}
		}
	}
}

// TestANewChartRestartsNoStore: a chart of another version does not restart Valkey and coturn.
func TestANewChartRestartsNoStore(t *testing.T) {
	for key, m := range with(t, examples(t)["coturn"]) {
		labels, _ := at(m, "spec", "template", "metadata", "labels").(map[string]any)
		for name := range labels {
			if !slices.Contains([]string{"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component"}, name) {
				t.Errorf("%s: its pods have the label %s", key, name)
			}
		}
	}
}

func TestRedis(t *testing.T) {
	for what, c := range map[string]struct{ values, url, password string }{
		"Valkey here":            {"", "rediss://:$(REDIS_PASSWORD)@signal-rejoin-valkey.rejoin.svc:6379", "signal-rejoin-valkey/password"},
		"with a Secret given":    {"valkey: {passwordSecret: mine}", "rediss://:$(REDIS_PASSWORD)@signal-rejoin-valkey.rejoin.svc:6379", "mine/password"},
		"one without password":   {own, "rediss://redis.example.com:6379", ""},
		"a URL in a Secret":      {"valkey: {enabled: false}\nredis: {urlSecret: {name: r}}", "r/url", ""},
		"a password in a Secret": {"valkey: {enabled: false}\nredis: {url: 'redis://u:$(REDIS_PASSWORD)@a:1,b:2', passwordSecret: {name: r, key: p}}", "redis://u:$(REDIS_PASSWORD)@a:1,b:2", "r/p"},
	} {
		d := with(t, c.values).must(t, "Deployment/signal-rejoin-signal")
		env, order := environment(d)
		if env["REDIS_URL"] != c.url || env["REDIS_PASSWORD"] != c.password {
			t.Errorf("%s: %q, %q", what, env["REDIS_URL"], env["REDIS_PASSWORD"])
		}
		// Kubernetes puts a variable only into those after it.
		if c.password != "" && slices.Index(order, "REDIS_PASSWORD") > slices.Index(order, "REDIS_URL") {
			t.Errorf("%s: the password comes after the URL", what)
		}
	}
	m := with(t, own)
	if strings.Contains(m.names(), "valkey") {
		t.Errorf("switched off, and made: %s", m.names())
	}
}

// TestTheCertificateIsValkeys: the one that is made is good for the name that the instances connect to, by the authority that they get.
func TestTheCertificateIsValkeys(t *testing.T) {
	m := with(t, "")
	secret := m.must(t, "Secret/signal-rejoin-valkey-tls")
	ca := x509.NewCertPool()
	ca.AppendCertsFromPEM(decode(t, at(secret, "data", "ca.crt")))
	block, _ := pem.Decode(decode(t, at(secret, "data", "tls.crt")))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cert.Verify(x509.VerifyOptions{DNSName: "signal-rejoin-valkey.rejoin.svc", Roots: ca}); err != nil {
		t.Error(err)
	}
	d := m.must(t, "Deployment/signal-rejoin-signal")
	if env, _ := environment(d); env["SSL_CERT_DIR"] != "/run/redis-ca" || at(pod(d), "volumes", 0, "secret", "secretName") != "signal-rejoin-valkey-tls" {
		t.Errorf("the instances do not know the authority: %v", at(pod(d), "volumes"))
	}
	if key := at(pod(d), "volumes", 0, "secret", "items"); strings.Contains(fmt.Sprint(key), "tls.key") {
		t.Error("the instances have Valkey's key")
	}
}

func decode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(v.(string))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSecretsAreMadeOnceOrGiven: those that are made outlive an uninstall, as Valkey's disk does; with all given none is made.
func TestSecretsAreMadeOnceOrGiven(t *testing.T) {
	made := 0
	for key, m := range with(t, "coturn: {enabled: true, publicAddress: 192.0.2.1, nodeSelector: {a: b}}") {
		if strings.HasPrefix(key, "Secret/") {
			made++
			if at(m, "metadata", "annotations", "helm.sh/resource-policy") != "keep" {
				t.Errorf("%s goes with the release", key)
			}
		}
	}
	if made != 4 {
		t.Errorf("%d Secrets are made, want Valkey's password, its certificate, TURN's, and that of wallets' profiles", made)
	}
	if m := with(t, examples(t)["coturn"]); strings.Contains(m.names(), "Secret/") {
		t.Errorf("all are given: %s", m.names())
	}
}

func TestTheWayIn(t *testing.T) {
	const host = "host: a.example.com\n"
	m := with(t, host+"gateway: {enabled: true, parentRefs: [{name: g, namespace: ns}]}")
	route := m.must(t, "HTTPRoute/signal-rejoin-signal")
	if at(route, "spec", "hostnames", 0) != "a.example.com" || at(route, "spec", "rules", 0, "backendRefs", 0, "port") != 4000.0 || at(route, "spec", "parentRefs", 0, "namespace") != "ns" {
		t.Errorf("%v", at(route, "spec"))
	}
	if m["Ingress/signal-rejoin-signal"] != nil {
		t.Error("an Ingress as well")
	}
	ingress := with(t, host+"ingress: {enabled: true, className: traefik, tlsSecret: s}").must(t, "Ingress/signal-rejoin-signal")
	if at(ingress, "spec", "ingressClassName") != "traefik" || at(ingress, "spec", "tls", 0, "secretName") != "s" || at(ingress, "metadata", "annotations") != nil {
		t.Errorf("%v", ingress)
	}
	// ICE servers are one path of the same host.
	m = with(t, host+"gateway: {enabled: true, parentRefs: [{name: g}]}\niceservers: {enabled: true}\nturn: {stunUrls: ['stun:s.example.com']}")
	route = m.must(t, "HTTPRoute/signal-rejoin-signal")
	if at(route, "spec", "rules", 0, "matches", 0, "path", "value") != "/ice-servers" || at(route, "spec", "rules", 1, "backendRefs", 0, "port") != 4000.0 {
		t.Errorf("%v", at(route, "spec", "rules"))
	}
}

// TestOperationsArePrivate: a Service that the public reaches has no port for /metrics, and the policy lets only the named ones there.
func TestOperationsArePrivate(t *testing.T) {
	for _, kind := range []string{"LoadBalancer", "NodePort"} {
		m := with(t, "service: {type: "+kind+"}")
		ports := at(m.must(t, "Service/signal-rejoin-public"), "spec", "ports").([]any)
		if len(ports) != 1 || at(ports[0], "port") != 4000.0 {
			t.Errorf("%s: %v", kind, ports)
		}
		if at(m.must(t, "Service/signal-rejoin-signal"), "spec", "type") != "ClusterIP" {
			t.Errorf("%s: the operations' Service leads out", kind)
		}
	}
	policy := with(t, "networkPolicy: {operations: []}").must(t, "NetworkPolicy/signal-rejoin-signal")
	if from, _ := at(policy, "spec", "ingress", 1, "from").([]any); len(from) != 1 {
		t.Errorf("an empty list admits every client: %v", from)
	}
	valkey := with(t, "").must(t, "NetworkPolicy/signal-rejoin-valkey")
	if at(valkey, "spec", "policyTypes", 1) != "Egress" || at(valkey, "spec", "egress") != nil || len(at(valkey, "spec", "ingress").([]any)) != 1 {
		t.Errorf("%v", at(valkey, "spec"))
	}
}

func TestSettingsReachTheProcessAsTheyAre(t *testing.T) {
	env, _ := environment(with(t, "settings: {MAX_CONNECTIONS: 1000000, PPROF: true, GRACE_WINDOW: 90s, OTEL_TRACES_SAMPLER_ARG: 0.25}").must(t, "Deployment/signal-rejoin-signal"))
	for name, want := range map[string]string{"MAX_CONNECTIONS": "1000000", "PPROF": "true", "GRACE_WINDOW": "90s", "OTEL_TRACES_SAMPLER_ARG": "0.25", "LOG_FORMAT": "json"} {
		if env[name] != want {
			t.Errorf("%s: %q, want %q", name, env[name], want)
		}
	}
}

func TestTURN(t *testing.T) {
	m := with(t, examples(t)["coturn"])
	for _, key := range []string{"Deployment/signal-rejoin-signal", "Deployment/signal-rejoin-iceservers"} {
		d := m.must(t, key)
		env, _ := environment(d)
		if env["TURN_URLS"] != "turn:198.51.100.7:3478?transport=udp,turn:198.51.100.7:3478?transport=tcp" || env["STUN_URLS"] != "stun:198.51.100.7:3478" ||
			env["TURN_SECRET_FILE"] != "/run/rejoin/turn" || env["TURN_TTL"] != "30m" || !strings.Contains(fmt.Sprint(at(pod(d), "volumes")), "secretName:turn]") {
			t.Errorf("%s: %v", key, env)
		}
	}
	relay := m.must(t, "DaemonSet/signal-rejoin-coturn")
	if sources := fmt.Sprint(at(pod(relay), "volumes")); !strings.Contains(sources, "name:turn]") || !strings.Contains(sources, "path:wallet]] name:wallet]") ||
		!strings.Contains(fmt.Sprint(at(container(relay), "args", 0)), "for f in /run/rejoin/turn /run/rejoin/wallet;") {
		t.Errorf("coturn takes credentials signed with either secret: %s", sources)
	}
	for key, doc := range m {
		if strings.HasPrefix(key, "Deployment/") && strings.Contains(fmt.Sprint(at(pod(doc), "volumes")), "wallet") {
			t.Errorf("%s knows the secret of wallets' profiles", key)
		}
	}
	name := with(t, "coturn: {enabled: true, publicAddress: turn.example.com, nodeSelector: {a: b}}").must(t, "DaemonSet/signal-rejoin-coturn")
	if env, _ := environment(name); env["PUBLIC_IP"] != "$(OWN_IP)" {
		t.Errorf("coturn wants an address, and gets %s", env["PUBLIC_IP"])
	}
}

// TestRefusesWhatCannotWork: before anything is made, and says what it wants.
func TestRefusesWhatCannotWork(t *testing.T) {
	for text, want := range map[string]string{
		"replica: 3":                                                               "replica",
		"replicas: 0":                                                              "/replicas",
		"host: https://a.example.com":                                              "/host",
		"image: {tag: latest}":                                                     "image.tag: want a version",
		"valkey: {image: valkey/valkey}":                                           "/valkey/image",
		"valkey: {image: 'valkey/valkey:latest'}":                                  "valkey.image: want a version",
		"settings: {GRACE_WINDOW: soon}":                                           "/settings/GRACE_WINDOW",
		"settings: {GRACE_WINDOWS: 60s}":                                           "GRACE_WINDOWS",
		"settings: {REDIS_URL: 'redis://a:1'}":                                     "REDIS_URL",
		"settings: {OTEL_EXPORTER_OTLP_HEADERS: a=b}":                              "OTEL_EXPORTER_OTLP_HEADERS",
		"valkey: {enabled: false}":                                                 "redis.url or redis.urlSecret.name: want one",
		"redis: {url: 'redis://a:1'}":                                              "want either this or valkey",
		"valkey: {enabled: false}\nredis: {url: 'redis://:word@a:1'}":              "/redis/url",
		own + "turn: {urls: ['https://a']}":                                        "/turn/urls/0",
		own + "gateway: {enabled: true, parentRefs: [{name: g}]}":                  "host: want the name",
		"host: a.b\ngateway: {enabled: true}":                                      "gateway.parentRefs: want",
		"host: a.b\ngateway: {enabled: true, parentRefs: [{nam: g}]}":              "/gateway/parentRefs/0",
		"coturn: {enabled: true, publicAddress: 192.0.2.1}":                        "nodeSelector with at least one label",
		"coturn: {relayPorts: {first: 50000, last: 50010}}":                        "at least 100 ports",
		"iceservers: {enabled: true}":                                              "there is nothing to tell",
		"autoscaling: {min: 5, max: 4}":                                            "autoscaling.max: want",
		"autoscaling: {connections: 20000}":                                        "settings.MAX_CONNECTIONS: want more",
		"valkey: {enabled: false}\nredis: {url: 'redis://:$(REDIS_PASSWORD)@a:1'}": "redis.passwordSecret.name: want it",
		own + "turn: {urls: ['turn:a']}\ncoturn: {enabled: true, publicAddress: 192.0.2.1, nodeSelector: {a: b}}": "want either this or coturn",
	} {
		_, err := render(t, values(t, text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n  says %v\n  want %q", text, err, want)
		}
	}
}

// TestTheNotesSayHowToReachIt: and what is missing.
func TestTheNotesSayHowToReachIt(t *testing.T) {
	for what, c := range map[string]struct {
		values string
		want   []string
	}{
		"nothing said": {"", []string{"port-forward service/signal-rejoin-signal 4000", "There is no TURN server", "helm -n rejoin test signal"}},
		"a route":      {examples(t)["gateway"], []string{"wss://signal.example.com"}},
		"a balancer":   {"service: {type: LoadBalancer}", []string{"Service signal-rejoin-public", "without TLS"}},
	} {
		files, err := render(t, values(t, c.values))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(files["rejoin/templates/NOTES.txt"], want) {
				t.Errorf("%s: %q is not in\n%s", what, want, files["rejoin/templates/NOTES.txt"])
			}
		}
	}
}
