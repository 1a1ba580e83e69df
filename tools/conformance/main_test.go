package main

import (
	"io"
	"strings"
	"testing"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	target, _, err := parse([]string{"-a", " ws://localhost:4000\n", "-b", "wss://b.example"}, io.Discard)
	if err != nil || target.A != "ws://localhost:4000" || target.B != "wss://b.example" {
		t.Errorf("%+v, %v", target, err)
	}
	for args, want := range map[string]string{
		"":                                   "want -a URL",
		"-a=localhost:4000":                  "-a \"localhost:4000\": want ws://",
		"-a=ws://a:99999":                    "1 to 65535",
		"-a=ws://${HOST}:1":                  "not expanded",
		"-a=ws://a|-b=http://b":              "-b \"http://b\": want ws://",
		"-a=ws://a|-run=(":                   "-run: ",
		"-a=ws://a|-grace=-1s":               "-grace",
		"-a=ws://a|-parallel=-1":             "-parallel",
		"-a=wss://a..b|-b=ws://c:0|-run=[":   "-run: ",
		"-a=ws://a|-admin=http://b":          "want both or none",
		"-a=ws://a|-admin=b|-admin-token=c":  "-admin \"b\": want http://",
		"-a=ws://a|-secret=none/there":       "-secret: open",
		"-a=ws://a|and something that is no": "no other arguments",
	} {
		if _, _, err := parse(strings.Split(args, "|"), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}
