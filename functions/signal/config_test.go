package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// space is what surrounds values in files, on Windows too.
const space = " \t\r\n"

// TestWhiteSpaceIsNoPartOfASetting: around values, around the elements of lists, in files.
func TestWhiteSpaceIsNoPartOfASetting(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("\ufeff0123456789abcdef\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plain := map[string]string{
		"PORT": "4000", "HOST": "[::1]", "REDIS_URL": "redis://u:p@redis:6379/1", "INSTANCE_ID": "a-1", "GRACE_WINDOW": "30s", "RESUME_BY_ROLE": "wallet,extension",
		"REDIS_WAIT_REPLICAS": "1", "MAX_MESSAGE_BYTES": "2048", "ALLOWED_ORIGINS": "https://a.example,https://*.b.example,null", "TRUSTED_PROXIES": "10.0.0.0/8,::1",
		"LOG_LEVEL": "warn", "LOG_FORMAT": "json", "PPROF": "true", "DEMO": "false", "TURN_URLS": "turn:a:1,turns:b", "STUN_URLS": "stun:a,stun:b",
		"TURN_SECRET_FILE": file, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_EXPORTER_OTLP_HEADERS": "a=b,c=d", "OTEL_TRACES_SAMPLER": "always_on",
		"OTEL_TRACES_SAMPLER_ARG": "0.5", "OTEL_EXPORTER_OTLP_TIMEOUT": "1000",
	}
	var want, spaced []string
	for name, value := range plain {
		want = append(want, name+"="+value)
		spaced = append(spaced, name+"="+space+strings.ReplaceAll(value, ",", space+","+space)+space)
	}
	a, b := configOf(t, want...), configOf(t, spaced...)
	headersA, _ := a.Headers()
	headersB, _ := b.Headers()
	a.OTelHeaders, b.OTelHeaders = "", ""
	if !equal(a, b) || len(headersA) != 2 || len(headersB) != 2 || headersB["c"] != "d" {
		t.Errorf("with white space:\n%+v\nwithout:\n%+v", b, a)
	}
	if c := configOf(t, "ALLOWED_ORIGINS=,https://a.example,", "REDIS_URL= \n"); len(c.Origins) != 1 || c.RedisURL != "" {
		t.Errorf("empty elements: %q, %q", c.Origins, c.RedisURL)
	}
	if secret, err := a.Issuer(); err != nil || secret == nil {
		t.Errorf("secret from a file: %v", err)
	}
}

func equal(a, b config) bool {
	return slices.Equal(a.Origins, b.Origins) && slices.Equal(a.TURNURLs, b.TURNURLs) && slices.Equal(a.STUNURLs, b.STUNURLs) &&
		slices.Equal(a.proxies, b.proxies) && slices.Equal(a.resumeRoles, b.resumeRoles) && a.OTel == b.OTel &&
		a.Port == b.Port && a.Host == b.Host && a.RedisURL == b.RedisURL && a.Instance == b.Instance && a.Grace == b.Grace && a.WaitReplicas == b.WaitReplicas &&
		a.MaxMessageBytes == b.MaxMessageBytes && a.LogLevel == b.LogLevel && a.LogFormat == b.LogFormat && a.Pprof == b.Pprof && a.Demo == b.Demo
}

// TestSettingsThatCannotWork are start errors, which name the setting and what is wrong with it.
func TestSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]map[string]string{
		"PORT":      {"99999": "0 to 65535", "-1": "0 to 65535", "http": "0 to 65535", "$PORT": "0 to 65535"},
		"HTTP_PORT": {"4000": "another one than PORT", "65536": "0 to 65535"},
		"HOST": {
			"0.0.0.0:4000": "port is a setting of its own", "[::]:4000": "no port behind it", "::]": "", "*": "letters", "http://localhost": "", "${HOST}": "not expanded",
			"10.0.0": "IPv4", "a b": "letters",
		},
		"REDIS_URL": {
			"redis://redis:99999": "1 to 65535", "redis://redis:0": "1 to 65535", "redis://redis:": "1 to 65535", "redis://redis:port": "1 to 65535",
			"redis://${REDIS_HOST}:6379": "not expanded", "redis://$REDIS_HOST": "not expanded", "redis://redis:${PORT}": "not expanded",
			"redis://::1:6379": "brackets", "redis://::1": "brackets", "redis://[::1": "brackets", "redis://redis:6379:6379": "brackets", "redis://:6379": "missing",
			"redis://..:6379": "letters", "redis://re dis": "letters", "redis://-redis": "letters", "redis://<host>:6379": "letters", "redis://10.0.0:6379": "IPv4",
			"redis://256.0.0.1": "IPv4", "redis://a:1,b:99999": "1 to 65535", "redis://a:1,${B}": "not expanded", "redis+sentinel://a:0/m": "1 to 65535",
			"rediss://bücher.example": "xn--", "redis://u:a/SECRET@h:1": "", "redis": "redis://", "http://redis": "", "redis:6379": "redis://",
		},
		"INSTANCE_ID":    {"$HOSTNAME": "$", "${HOSTNAME}": "braces", "a b": "spaces", "a\tb": "spaces"},
		"RESUME_BY_ROLE": {"phone": "wallet", "wallet,none": "none", "wallet;extension": "wallet"},
		"ALLOWED_ORIGINS": {
			"app.example": "scheme", "*.app.example": "scheme", "wss://app.example": "page's origin", "ws://app.example": "page's origin", "https://app.example/path": "ends behind",
			"https://app.example:99999": "65535", "https://*app.example": "whole labels", "https://a b": "", "https://${HOST}": "not expanded", "https://user@app.example": "user",
			"https://ok.example,app.example": "scheme", ",": "at least one", "file:///x": "null", "https://": "missing",
		},
		"TRUSTED_PROXIES": {"10.0.0.0/33": "10.0.0.0/8", "proxy": "10.0.0.0/8", "10.0.0.1:80": "10.0.0.0/8", "fe80::1%eth0": "10.0.0.0/8", "10.0.0.0/8;::1": "10.0.0.0/8"},
		"TURN_URLS": {
			"turn:..:3478": "letters", "turn:turn.example:99999": "65535", "turn:${TURN_HOST}:3478": "not expanded", "turn:::1:3478": "brackets", "turn:[::1": "", "turn:": "",
			"turn:10.0.0:3478": "IPv4", "turn:a b": "", "turn://a": "//", "stun:a": "turn:", "turn:a?transport=sctp": "transport", "turn:[fe80::1%25eth0]": "", "turn:ok,turn:..": "letters",
			"turn:bücher.example": "xn--",
		},
		"STUN_URLS": {"stun:..:3478": "letters", "stun:a:0": "65535", "turn:a": "stun:", "stun:a?transport=udp": "transport", "stun:$HOST": "not expanded"},
		"OTEL_EXPORTER_OTLP_ENDPOINT": {
			"http://c:99999": "65535", "http://${C}:4318": "", "http://..": "letters", "c:4318": "http://", "grpc://c:4317": "http://", "http://": "missing", "http://c/x?y": "no ?",
		},
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": {"http://c:0/v1/traces": "65535"},
		"OTEL_EXPORTER_OTLP_HEADERS":         {"a b=c": "name=value", "a=b%0d%0a": "name=value", "a": "name=value", "=b": "name=value"},
		"OTEL_EXPORTER_OTLP_CERTIFICATE":     {"/does/not/exist": "PEM", "config_test.go": "PEM"},
	} {
		for value, want := range values {
			environ := []string{"TURN_SECRET=0123456789abcdef", name + "=" + value}
			if strings.HasSuffix(name, "CERTIFICATE") {
				environ = append(environ, "OTEL_EXPORTER_OTLP_ENDPOINT=https://c")
			}
			_, err := loadConfig(environ)
			if err == nil || !strings.Contains(err.Error(), "\n  "+name) || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "\n") != 1 {
				t.Errorf("%s=%s: %v, want %q", name, value, err, want)
			}
			if err != nil && strings.Contains(err.Error(), "SECRET@") {
				t.Errorf("%s=%s: the password is printed", name, value)
			}
		}
	}
}

// TestSettingsThatWork are forms that look as odd, and are good.
func TestSettingsThatWork(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"HOST": {"[::]", "::", "[::1]", "0.0.0.0", "localhost", "node-1.internal", ""},
		"REDIS_URL": {
			"redis://redis", "redis://my_redis:6379", "redis://[::1]:6379", "redis://[fe80::1%eth0]", "redis://:p%40%2F@redis.example.com.:6379/0",
			"rediss://a:1,b,[::1]:3", "redis+sentinel://a,b:26379/m", "redis://10.0.0.1/", "redis://xn--bcher-kva.example",
		},
		"INSTANCE_ID": {"signal-0", "a.b:c@d_e", "wörker"},
		"ALLOWED_ORIGINS": {
			"*", "null", "https://app.example:443", "https://app.example/", "https://bücher.example", "https://*.app.example", "moz-extension://*", "chrome-extension://*",
			"https://a.example, https://b.example", "http://localhost:*", "capacitor://localhost", "http://[::1]:3000", "HTTPS://A.example",
		},
		"TRUSTED_PROXIES":             {"10.0.0.0/8, ::1", "10.1.2.3/8", "::ffff:10.0.0.0/104", "fd00::/8"},
		"TURN_URLS":                   {"turn:a", "turn:[::1]", "turn:[::1]:3478?transport=tcp", "turns:turn.example.com:443", "turn:192.0.2.1:3478", "TURN:a"},
		"STUN_URLS":                   {"stun:a:3478", "stuns:[::1]"},
		"OTEL_EXPORTER_OTLP_ENDPOINT": {"http://collector:4318", "https://u:p@c.example/otlp/", "http://[::1]:4318", "http://127.0.0.1"},
	} {
		for _, value := range values {
			if _, err := loadConfig([]string{"TURN_SECRET=0123456789abcdef", name + "=" + value}); err != nil {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
	}
}
