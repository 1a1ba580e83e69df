package streams_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/streams"
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"redis://localhost":                    "[localhost:6379] user= pass= db=0 cluster=false master= tls=false",
		"redis://localhost/":                   "[localhost:6379] user= pass= db=0 cluster=false master= tls=false",
		"redis://h:1/3":                        "[h:1] user= pass= db=3 cluster=false master= tls=false",
		"rediss://u:p@h:1":                     "[h:1] user=u pass=p db=0 cluster=false master= tls=true",
		"redis://:p%40%2F%3F@h":                "[h:6379] user= pass=p@/? db=0 cluster=false master= tls=false",
		"redis://u:p@q@h:1":                    "[h:1] user=u pass=p@q db=0 cluster=false master= tls=false",
		"redis://a:1,b:2,c":                    "[a:1 b:2 c:6379] user= pass= db=0 cluster=true master= tls=false",
		"redis://a:1?cluster=true":             "[a:1] user= pass= db=0 cluster=true master= tls=false",
		"rediss://u:p@a,b":                     "[a:6379 b:6379] user=u pass=p db=0 cluster=true master= tls=true",
		"redis://[::1]":                        "[[::1]:6379] user= pass= db=0 cluster=false master= tls=false",
		"redis://[::1]:7":                      "[[::1]:7] user= pass= db=0 cluster=false master= tls=false",
		"redis+sentinel://a,b:1/mymaster":      "[a:26379 b:1] user= pass= db=0 cluster=false master=mymaster tls=false",
		"rediss+sentinel://u:p@a/m/2":          "[a:26379] user=u pass=p db=2 cluster=false master=m tls=true",
		"redis+sentinel://a/m?sentinel_user=x": "[a:26379] user= pass= db=0 cluster=false master=m tls=false",
	} {
		o, err := streams.ParseURL(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		got := fmt.Sprintf("%v user=%s pass=%s db=%d cluster=%t master=%s tls=%t", o.Addrs, o.Username, o.Password, o.DB,
			o.IsClusterMode, o.MasterName, o.TLSConfig != nil)
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", url, got, want)
		}
	}
	o, err := streams.ParseURL("redis+sentinel://a/m?sentinel_user=x&sentinel_password=y")
	if err != nil || o.SentinelUsername != "x" || o.SentinelPassword != "y" {
		t.Errorf("sentinel's own: %+v, %v", o, err)
	}
	for url, insecure := range map[string]bool{"rediss://h?skip_verify=true": true, "rediss://h": false} {
		if o, err := streams.ParseURL(url); err != nil || o.TLSConfig.InsecureSkipVerify != insecure {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// An error ends up in logs: it never holds a password, not even a piece of one that was not escaped.
func TestParseURLErrorsKeepTheSecret(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "localhost:6379", "SECRET", "u:SECRET@h:1", "http://u:SECRET@h", "redis://u:SECRET@", "redis://u:SECRET@a,,b",
		"redis://u:SECRET@h/db", "redis://u:SECRET@h/-1", "redis://u:SECRET@h/1/2", "redis://u:SECRET@a,b/1", "redis://u:SECRET@h?what=1",
		"redis+sentinel://u:SECRET@h", "redis+sentinel://u:SECRET@h/m/x", "redis://u:SEC%zzRET@h", "redis://u:SECRET%@h", "://u:SECRET@h",
		"redis://u:a/SECRET@h:1", "redis://u:a?SECRET@h:1", "redis://u:a/?SECRET@h:1", "redis://u:a#SECRET@h:1/x", "redis://u:a?x=1&SECRET@h",
		"redis://u:\x7fSECRET@h", "redis://u: SECRET@h/x", "redis://u:SECRET@h?sentinel_password=SECRET&x=SECRET", "SECRET://u@h", "u:SECRET://h",
		"redis://h?cluster=true;SECRET", "redis://h?cluster=SECRET", "rediss://h?skip_verify=",
	} {
		o, err := streams.ParseURL(url)
		if err == nil {
			t.Errorf("%q was taken: %+v", url, o)
			continue
		}
		if strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%q: %v", url, err)
		}
		if strings.Contains(url, "://") && !strings.HasPrefix(url, "redis+") && strings.HasPrefix(url, "redis") {
			if _, err := streams.Open(streams.Options{URL: url}); err == nil || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("Open of %q: %v", url, err)
			}
		}
	}
}
