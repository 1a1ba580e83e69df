package origin_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoin-dev/rejoin/internal/origin"
)

func set(t *testing.T, list ...string) *origin.Set {
	t.Helper()
	s, err := origin.Parse(list)
	if err != nil {
		t.Fatal(err)
	}
	return &s
}

// TestAllows: each setting, with what it lets in and what not.
func TestAllows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		setting string
		in, out []string
	}{
		{"*", []string{"https://app.example", "null", "nonsense", ""}, nil},
		{
			"https://app.example",
			[]string{"https://app.example", "HTTPS://APP.Example", "https://app.example:443"},
			[]string{"http://app.example", "https://app.example:8443", "https://app.example.evil", "https://evil-app.example", "https://x.app.example", "https://app.example.", "null", "", "app.example", "*"},
		},
		{"https://app.example:443", []string{"https://app.example"}, []string{"http://app.example:443"}},
		{"http://app.example:80/", []string{"http://app.example"}, []string{"http://app.example:443"}},
		{"http://app.example:443", []string{"http://app.example:443"}, []string{"http://app.example", "https://app.example"}},
		{"https://App.Example:08443", []string{"https://app.example:8443"}, []string{"https://app.example"}},
		{"https://bücher.example", []string{"https://xn--bcher-kva.example", "https://BÜCHER.example"}, []string{"https://bucher.example"}},
		{"https://xn--bcher-kva.example", []string{"https://xn--bcher-kva.example", "https://bücher.example"}, nil},
		{"https://b%C3%BCcher.example", []string{"https://xn--bcher-kva.example"}, nil},
		{"https://faß.example", []string{"https://xn--fa-hia.example"}, []string{"https://fass.example"}},
		{"https://例え。テスト", []string{"https://xn--r8jz45g.xn--zckzah"}, nil},
		{"https://my_app.example", []string{"https://my_app.example"}, nil},
		{"http://localhost:3000", []string{"http://localhost:3000"}, []string{"http://localhost", "http://127.0.0.1:3000"}},
		{"http://localhost:*", []string{"http://localhost", "http://localhost:3000"}, []string{"https://localhost:3000", "http://localhost.evil:3000"}},
		{"http://127.1:8080", []string{"http://127.0.0.1:8080"}, nil},
		{"http://0x7f000001", []string{"http://127.0.0.1"}, nil},
		{"http://[0:0::1]:80", []string{"http://[::1]"}, []string{"http://[::2]"}},
		{"http://[::ffff:192.0.2.1]", []string{"http://[::ffff:c000:201]"}, nil},
		{
			"https://*.app.example",
			[]string{"https://a.app.example", "https://b.a.app.example", "https://A.App.Example:443"},
			[]string{"https://app.example", "https://evilapp.example", "http://a.app.example", "https://a.app.example:8443", "https://a.app.example.evil", "https://*.app.example", "https://.app.example"},
		},
		{"https://*.bücher.example:8443", []string{"https://a.xn--bcher-kva.example:8443"}, []string{"https://a.xn--bcher-kva.example"}},
		{"https://*", []string{"https://app.example", "https://192.0.2.1"}, []string{"http://app.example", "https://app.example:8443", "null"}},
		{"moz-extension://*", []string{"moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc"}, []string{"chrome-extension://2c127fa4", "moz-extension://", "https://moz-extension"}},
		{"chrome-extension://*", []string{"chrome-extension://aohghmighlieiainnegkcijnfilokake"}, []string{"https://a.example"}},
		{
			"chrome-extension://aohghmighlieiainnegkcijnfilokake",
			[]string{"chrome-extension://aohghmighlieiainnegkcijnfilokake"},
			[]string{"chrome-extension://bohghmighlieiainnegkcijnfilokake"},
		},
		{"safari-web-extension://E5A1B5C5-0D1A-4F6E-8C9B-0123456789AB", []string{"safari-web-extension://e5a1b5c5-0d1a-4f6e-8c9b-0123456789ab", "safari-web-extension://E5A1B5C5-0D1A-4F6E-8C9B-0123456789AB"}, nil},
		{"capacitor://localhost", []string{"capacitor://localhost"}, []string{"ionic://localhost"}},
		{"null", []string{"null"}, []string{"https://app.example", "NULL", ""}},
	} {
		s := set(t, c.setting)
		for _, o := range c.in {
			if !s.Allows(o) {
				t.Errorf("%s refuses %q", c.setting, o)
			}
		}
		for _, o := range c.out {
			if s.Allows(o) {
				t.Errorf("%s allows %q", c.setting, o)
			}
		}
	}
}

func TestRefusesWhatNeverMatches(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "app.example", "*.app.example", "//app.example", "https:app.example", "https://", "https:///", "https://app.example/path", "https://app.example//",
		"https://app.example?x", "https://app.example#x", `https://app.example\x`, "https://user@app.example", "https://app.example:99999", "https://app.example:http",
		"wss://app.example", "ws://app.example:4000", "file:///index.html", "data://x", "ftp://app.example", "https://app .example", "https://app..example", "https://.app.example",
		"https://*app.example", "https://a.*.example", "https://*.*.example", "https://*.", "https://*.192.0.2.1", "https://*.[::1]", "https://${HOST}", "https://256.1.1.1",
		"https://1.2.3.4.5", "https://[::1", "https://[::1%25eth0]", "https://[app.example]", "https://::1", "https://-app.example", "https://xn--a", "NULL", "**", "1http://a", "https://a\x00b",
	} {
		s, err := origin.Parse([]string{text, "https://ok.example"})
		var e *origin.Error
		if !errors.As(err, &e) || e.Text != text {
			t.Errorf("%q: %v", text, err)
		}
		if !s.Allows("https://ok.example") || s.Allows(text) && text != "" {
			t.Errorf("%q changes what is allowed", text)
		}
	}
}

// TestCommonCaseIsFree: a listed origin, as browsers send it, costs no allocation.
func TestCommonCaseIsFree(t *testing.T) {
	s := set(t, "https://App.example:443", "https://*.b.example")
	if n := testing.AllocsPerRun(100, func() {
		if !s.Allows("https://app.example") {
			t.Error("refused")
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzAllows(f *testing.F) {
	for _, seed := range []string{"https://app.example", "https://*.a", "http://[::1]:80", "moz-extension://*", "http://0x.08", "https://bücher.example"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := origin.Parse([]string{text})
		if err == nil && !strings.Contains(text, "*") && len(text) <= 256 && !s.Allows(text) {
			t.Errorf("%q does not match itself", text)
		}
	})
}

// TestRefusalsAreLogged once a minute for each origin, and so many at most; the next line says how many were not.
func TestRefusalsAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		g, err := origin.NewGate([]string{"https://app.example"}, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		lines := func() int { return strings.Count(log.String(), "\n") }
		refuse := func(o string) {
			t.Helper()
			if g.Allows(o) {
				t.Errorf("%s is allowed", o)
			}
		}
		if !g.Allows("https://app.example") || lines() != 0 {
			t.Errorf("what is allowed is logged: %s", &log)
		}
		for range 3 {
			refuse("https://evil.example")
		}
		refuse("https://" + strings.Repeat("x", 10_000))
		if lines() != 2 || log.Len() > 1000 || !strings.Contains(log.String(), "origin=https://evil.example refusals_not_logged=0") {
			t.Errorf("logged: %s", &log)
		}
		time.Sleep(time.Minute)
		refuse("https://evil.example")
		if lines() != 3 || !strings.Contains(log.String(), "origin=https://evil.example refusals_not_logged=0\n") {
			t.Errorf("logged a minute later: %s", &log)
		}
		for i := range 1000 {
			refuse(fmt.Sprintf("https://%d.example", i))
		}
		if n := lines(); n > 100 {
			t.Errorf("%d lines", n)
		}
		time.Sleep(time.Minute)
		refuse("https://late.example")
		if !strings.Contains(log.String(), "origin=https://late.example refusals_not_logged=9") {
			t.Errorf("logged after a flood: %s", log.String()[max(0, log.Len()-200):])
		}
	})
}
