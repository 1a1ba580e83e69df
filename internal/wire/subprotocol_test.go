package wire_test

import (
	"testing"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

func TestParseSubprotocols(t *testing.T) {
	t.Parallel()
	plain := func(accept string) wire.Offer { return wire.Offer{Dialect: wire.Plain, Accept: accept} }
	rejoin := func(token, after string) wire.Offer {
		return wire.Offer{Dialect: wire.RejoinV1, Accept: "rejoin.v1", Resume: true, Token: token, After: after}
	}
	fresh := wire.Offer{Dialect: wire.RejoinV1, Accept: "rejoin.v1"}
	for name, c := range map[string]struct {
		values []string
		want   wire.Offer
	}{
		"nothing":                  {nil, plain("")},
		"empty values":             {[]string{"", " , ,\t"}, plain("")},
		"a foreign one":            {[]string{"mqtt"}, plain("mqtt")},
		"the first of several":     {[]string{" , graphql-ws , mqtt", "other"}, plain("graphql-ws")},
		"one that is no token":     {[]string{"a b, c\r\nd, (x), é, ok"}, plain("ok")},
		"ours":                     {[]string{"rejoin.v1"}, fresh},
		"ours, not first":          {[]string{"mqtt,\trejoin.v1 "}, fresh},
		"ours, in a second header": {[]string{"mqtt", "rejoin.v1"}, fresh},
		"another case is not ours": {[]string{"Rejoin.V1"}, plain("Rejoin.V1")},
		"another version":          {[]string{"rejoin.v2, rejoin.resume.t"}, plain("rejoin.v2")},
		"coming back":              {[]string{"rejoin.v1, rejoin.resume.tok-_1, rejoin.after.7-12"}, rejoin("tok-_1", "7-12")},
		"coming back, any order":   {[]string{"rejoin.after.7-12", "rejoin.resume.t", "rejoin.v1"}, rejoin("t", "7-12")},
		"without a position":       {[]string{"rejoin.v1,rejoin.resume.t"}, rejoin("t", "")},
		"an empty token":           {[]string{"rejoin.v1,rejoin.resume.,rejoin.after."}, rejoin("", "")},
		"the first of a repetition": {
			[]string{"rejoin.v1,rejoin.resume.a,rejoin.resume.b,rejoin.after.1-1,rejoin.after.2-2"}, rejoin("a", "1-1"),
		},
		"a position alone": {
			[]string{"rejoin.v1,rejoin.after.1-1"}, wire.Offer{Dialect: wire.RejoinV1, Accept: "rejoin.v1", After: "1-1"},
		},
		"let in by a token": {
			[]string{"rejoin.auth.a.b.c, rejoin.v1, rejoin.auth.d.e.f"}, wire.Offer{Dialect: wire.RejoinV1, Accept: "rejoin.v1", Auth: "a.b.c"},
		},
		"a token is not echoed":    {[]string{"rejoin.auth.a.b.c, mqtt"}, wire.Offer{Dialect: wire.Plain, Accept: "mqtt", Auth: "a.b.c"}},
		"nor is it when it is all": {[]string{"rejoin.auth.a.b.c"}, wire.Offer{Dialect: wire.Plain, Auth: "a.b.c"}},
		"an empty token of that":   {[]string{"rejoin.auth."}, plain("")},
		"a token without ours":     {[]string{"rejoin.resume.t,rejoin.after.1-1"}, plain("rejoin.resume.t")},
	} {
		if got := wire.ParseSubprotocols(c.values...); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestDialectNames(t *testing.T) {
	t.Parallel()
	if wire.Plain.String() != "plain" || wire.RejoinV1.String() != "rejoin.v1" || wire.Dialect(0).String() != "unknown" {
		t.Error(wire.Plain, wire.RejoinV1, wire.Dialect(0))
	}
}
