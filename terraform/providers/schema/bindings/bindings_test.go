package bindings_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/terraform/providers/schema/bindings"
	"github.com/rejoin-dev/rejoin/terraform/providers/schema/bindings/bindingstest"
)

func TestRead(t *testing.T) {
	t.Parallel()
	tarball, integrity := bindingstest.Package(t, "testdata")
	p, err := bindings.Read(tarball, integrity)
	if err != nil {
		t.Fatal(err)
	}
	if p.Source != "rejoin/example" || p.Version != "1.2.3" {
		t.Errorf("got %s %s", p.Source, p.Version)
	}
	same(t, "provider", p.Config, `{
		"attributes": {"region": {"type": "string", "optional": true}},
		"block_types": {"assume_role": {"nesting_mode": "list", "block": {"attributes": {"role": {"type": "string", "optional": true}}}}}
	}`)
	same(t, "resource", p.Resources["example_pet"], `{
		"attributes": {
			"age": {"type": "number", "optional": true, "computed": true},
			"anything": {"type": "dynamic", "optional": true},
			"arn": {"type": "string", "computed": true},
			"fleas": {"type": ["set", ["object", {"count": "number"}]], "computed": true},
			"food": {"type": ["set", "string"], "optional": true},
			"labels": {"type": ["map", "string"], "computed": true},
			"name": {"type": "string", "required": true},
			"secret_wo": {"type": "string", "optional": true, "write_only": true}
		},
		"block_types": {
			"collar": {"nesting_mode": "list", "max_items": 1, "block": {
				"attributes": {"color": {"type": "string", "required": true}},
				"block_types": {"bell": {"nesting_mode": "list", "block": {"attributes": {"color": {"type": "string", "required": true}}}}}
			}},
			"owner": {"nesting_mode": "set", "min_items": 1, "block": {"attributes": {"weights": {"type": ["map", "number"], "optional": true}}}},
			"timeouts": {"nesting_mode": "single", "block": {"attributes": {"create": {"type": "string", "optional": true}}}}
		}
	}`)
	same(t, "data source", p.DataSources["example_vet"], `{"attributes": {"open": {"type": "bool", "computed": true}}}`)
	same(t, "ephemeral resource", p.Ephemerals["example_key"], `{"attributes": {"value": {"type": "string", "computed": true}}}`)
}

func same(t *testing.T, what string, got *bindings.Block, want string) {
	t.Helper()
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var wanted bindings.Block
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	w, err := json.Marshal(wanted)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != string(w) {
		t.Errorf("%s:\n got %s\nwant %s", what, b, w)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	good, integrity := bindingstest.Package(t, "testdata")
	empty, ofEmpty := bindingstest.Package(t, t.TempDir())
	for name, c := range map[string]struct {
		tarball         []byte
		integrity, want string
	}{
		"another package":      {good, ofEmpty, "another one"},
		"a changed package":    {append(good[:len(good):len(good)], 0), integrity, "another one"},
		"no bindings":          {empty, ofEmpty, "no bindings"},
		"a package of nothing": {nil, "", "another one"},
	} {
		if _, err := bindings.Read(c.tarball, c.integrity); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
