package deploy_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCoturnStartsWithAllItsSecrets runs the shell of each deployment up to the point where it becomes turnserver. A secret that is
// missing or empty ends it: an empty static-auth-secret would let anybody sign a credential.
func TestCoturnStartsWithAllItsSecrets(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"compose":   group(t, read(t, "docker-compose.yml"), `(?s)command:\n +- \|\n( +own=.*?)\n    environment:`),
		"chart":     group(t, read(t, "deploy/helm/rejoin/templates/coturn.yaml"), `(?s)args:\n +- \|\n(.*?)\n +env:`),
		"terraform": group(t, read(t, "terraform/modules/coturn/main.tf"), `(?s)<<-EOT\n(.*?)\n +EOT`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for what, c := range map[string]struct {
				wallet string // no file when it is "-"
				starts bool
			}{"both": {"second", true}, "an empty one": {"", false}, "a missing one": {"-", false}} {
				written, said, err := startCoturn(t, script, c.wallet)
				switch {
				case c.starts && (err != nil || !strings.HasSuffix(written, "static-auth-secret=first\nstatic-auth-secret=second\n")):
					t.Errorf("%s: %v, %s, written:\n%s", what, err, said, written)
				case !c.starts && (err == nil || !strings.Contains(said, "wallet")):
					t.Errorf("%s: started; it said %q", what, said)
				}
			}
		})
	}
}

// startCoturn runs the shell with the secrets "first" and wallet, and returns the configuration that turnserver would have read.
func startCoturn(t *testing.T, script, wallet string) (written, said string, err error) {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"turn": "first\n", "turnserver": "#!/bin/sh\n"}
	if wallet != "-" {
		files["wallet"] = wallet
	}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	config, err := filepath.Abs("../../deploy/coturn/turnserver.conf")
	if err != nil {
		t.Fatal(err)
	}
	script = strings.NewReplacer(
		"$$", "$", // compose and Terraform both double it
		`${join(" ", var.secret_files)}`, dir+"/turn "+dir+"/wallet", "${var.config_file}", config, "/etc/coturn/rejoin.conf", config,
		"/etc/rejoin/turnserver.conf", config, "/run/rejoin", dir, "/tmp/turnserver.conf", filepath.Join(dir, "written"),
	).Replace(script)
	script = regexp.MustCompile(`(?m)--m(in|ax)-port=[$\{].*$`).ReplaceAllString(script, "")
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", script)
	cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin", "PUBLIC_IP=192.0.2.1", "OWN_IP=192.0.2.1"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err = cmd.Run()
	text, _ := os.ReadFile(filepath.Join(dir, "written")) // none when the start ended before
	return string(text), stderr.String(), err
}

// group is the one group of a pattern.
func group(t *testing.T, text, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("not there: %s", pattern)
	}
	return m[1]
}
