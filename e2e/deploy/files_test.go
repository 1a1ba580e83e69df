package deploy_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestDockerfile(t *testing.T) {
	t.Parallel()
	text := read(t, "Dockerfile")
	for what, pattern := range map[string]string{
		"one image for every function":         `(?m)^ARG FUNCTION=signal$`,
		"builds for any platform on its own":   `(?m)^FROM --platform=\$BUILDPLATFORM `,
		"a static binary":                      `CGO_ENABLED=0 GOOS=\$TARGETOS GOARCH=\$TARGETARCH`,
		"nothing else in it":                   `(?m)^FROM scratch$`,
		"a user that is not root, by number":   `(?m)^USER [1-9]\d*:[1-9]\d*$`,
		"asks the binary itself for health":    `(?m)^HEALTHCHECK .*CMD \["/function", "-health"\]$`,
		"certificates, for rediss://":          `/etc/ssl/certs/ca-certificates\.crt`,
		"says where it comes from":             `org\.opencontainers\.image\.source=`,
		"says which version it is":             `org\.opencontainers\.image\.version="\$VERSION"`,
		"says which commit it was built from":  `org\.opencontainers\.image\.revision="\$REVISION"`,
		"the first process gets the signal":    `(?m)^ENTRYPOINT \["/function"\]$`,
		"says under which licence it is given": `org\.opencontainers\.image\.licenses="Apache-2\.0"`,
	} {
		if !regexp.MustCompile(pattern).MatchString(text) {
			t.Errorf("not there: %s (%s)", what, pattern)
		}
	}
	if regexp.MustCompile(`(?m)^# *syntax=|<<`).MatchString(text) {
		t.Error("older engines cannot build it: a syntax line, or a here-document")
	}
	if final := text[strings.LastIndex(text, "FROM "):]; strings.Contains(final, "\nRUN ") {
		t.Error("something runs in the final image: it has no shell, and other platforms would need an emulator")
	}
}

func TestBuildContextIsAllowList(t *testing.T) {
	t.Parallel()
	for _, line := range strings.Split(read(t, ".dockerignore"), "\n") {
		if line != "" && !strings.HasPrefix(line, "#") {
			if line != "*" {
				t.Errorf("the first rule is %q: whatever lies around goes to the builder", line)
			}
			return
		}
	}
	t.Error("empty")
}

func TestStoreKeepsWhatWasConfirmed(t *testing.T) {
	t.Parallel()
	text := read(t, "deploy/valkey/valkey.conf")
	for _, line := range []string{"maxmemory-policy noeviction", "stream-node-max-bytes 1024", "appendonly yes"} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("not there: %s", line)
		}
	}
}

// TestBalancerIsMorePatientThanTheServer: the server pings after PING_INTERVAL of silence and gives up after twice that; the
// balancer must not cut before.
func TestBalancerIsMorePatientThanTheServer(t *testing.T) {
	t.Parallel()
	tunnel := only(t, read(t, "deploy/haproxy/haproxy.cfg"), `(?m)^ *timeout tunnel (\S+)$`)
	ping := only(t, read(t, "functions/signal/config.go"), `env:"PING_INTERVAL" envDefault:"(\w+)"`)
	if tunnel <= 2*ping {
		t.Errorf("the balancer cuts after %s, the server pings after %s", tunnel, ping)
	}
}

// only reads the one duration that a pattern finds.
func only(t *testing.T, text, pattern string) time.Duration {
	t.Helper()
	found := regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1)
	if len(found) != 1 {
		t.Fatalf("%s is there %d times", pattern, len(found))
	}
	d, err := time.ParseDuration(found[0][1])
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestBalancerLogsNoRoom: the path of a WebSocket is a connectionId, and who has it is in the room.
func TestBalancerLogsNoRoom(t *testing.T) {
	t.Parallel()
	text := read(t, "deploy/haproxy/haproxy.cfg")
	if regexp.MustCompile(`(?m)^ *option (httplog|tcplog)|%\[?(r|HU|HP|HQ|path|url|capture)\b`).MatchString(text) {
		t.Error("requests are logged with their path")
	}
	if !strings.Contains(text, "log-format ") {
		t.Error("the log has no format of its own")
	}
}

// TestBalancerLeavesTheDrainingAlone: an instance that is not ready keeps the connections that it has.
func TestBalancerLeavesTheDrainingAlone(t *testing.T) {
	t.Parallel()
	text := regexp.MustCompile(`(?m)^ *#.*$`).ReplaceAllString(read(t, "deploy/haproxy/haproxy.cfg"), "")
	if strings.Contains(text, "on-marked-down") {
		t.Error("connections of an instance that drains are cut")
	}
	for _, line := range []string{"GET /ready", "X-Forwarded-For %[src]", "option redispatch", "retry-on "} {
		if !strings.Contains(text, line) {
			t.Errorf("not there: %s", line)
		}
	}
}
