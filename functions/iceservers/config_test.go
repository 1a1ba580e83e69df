package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWhiteSpaceIsNoPartOfASetting: around values, around the elements of lists, in files.
func TestWhiteSpaceIsNoPartOfASetting(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const space = " \t\r\n"
	cfg, err := loadConfig([]string{
		"PORT=" + space + "4002" + space, "HOST= [::1]\n", "TURN_URLS=turn:a ,\n turns:b\n", "STUN_URLS= stun:a,", "TURN_SECRET_FILE=" + file + "\n", "TURN_TTL=1h ",
		"ALLOWED_ORIGINS= https://a.example , null\n", "TRUSTED_PROXIES=10.0.0.0/8 , ::1 ", "RATE_LIMIT_MESSAGES=7\n", "LOG_LEVEL=warn\n", "LOG_FORMAT=json\r\n", "DRAIN_TIMEOUT= 3s",
	})
	if err != nil {
		t.Fatal(err)
	}
	lists := strings.Join(cfg.TURNURLs, "|") + "; " + strings.Join(cfg.STUNURLs, "|") + "; " + strings.Join(cfg.Origins, "|")
	if lists != "turn:a|turns:b; stun:a; https://a.example|null" || cfg.Host != "::1" || cfg.RateRequests != 7 || cfg.LogFormat != "json" || len(cfg.proxies) != 2 {
		t.Errorf("%s; %+v", lists, cfg)
	}
}

// TestSettingsThatCannotWork are start errors, which name the setting and what is wrong with it.
func TestSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]map[string]string{
		"PORT":            {"99999": "0 to 65535", "${PORT}": "0 to 65535"},
		"HOST":            {"0.0.0.0:4002": "port is a setting of its own", "[::]:4002": "no port behind it", "*": "letters", "${HOST}": "not expanded"},
		"TURN_URLS":       {"turn:..:3478": "letters", "turn:a:99999": "65535", "turn:${H}:1": "not expanded", "turn:::1:3478": "brackets", "turn:ok,turn:..": "letters"},
		"STUN_URLS":       {"stun:..:3478": "letters", "stun:a:0": "65535", "stun:$HOST": "not expanded"},
		"ALLOWED_ORIGINS": {"wss://app.example": "page's origin", "https://app.example/path": "ends behind", "app.example": "scheme", "https://*x.example": "whole labels", ",": "at least one"},
		"TRUSTED_PROXIES": {"10.0.0.0/33": "10.0.0.0/8", "proxy": "10.0.0.0/8"},
	} {
		for value, want := range values {
			_, err := loadConfig([]string{"TURN_URLS=turn:a", "TURN_SECRET=0123456789abcdef", name + "=" + value})
			if err == nil || !strings.Contains(err.Error(), "\n  "+name) || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "\n") != 1 {
				t.Errorf("%s=%s: %v, want %q", name, value, err, want)
			}
		}
	}
}
