package bindings

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// builder makes a provider out of modules.
type builder struct {
	provider *Provider
}

// add adds what a module holds.
func (b *builder) add(m *module) error {
	for _, c := range m.classes {
		if c.terraform == "" {
			continue
		}
		block, err := m.block(c.name, nil)
		if err != nil {
			return err
		}
		switch c.kind {
		case "TerraformResource":
			b.provider.Resources[c.terraform] = block
		case "TerraformDataSource":
			b.provider.DataSources[c.terraform] = block
		case "TerraformEphemeralResource":
			b.provider.Ephemerals[c.terraform] = block
		case "TerraformProvider":
			b.provider.Config, b.provider.Source, b.provider.Version = block, c.source, c.version
		default:
			return fmt.Errorf("%s extends the unknown %s", c.name, c.kind)
		}
	}
	return nil
}

// block is a class as a block. above are the classes it is nested in, for some contain themselves.
func (m *module) block(name string, above []string) (*Block, error) {
	c := m.classes[name]
	if c == nil {
		c = m.ofInputs(name)
	}
	if c == nil {
		return nil, fmt.Errorf("no class %s", name)
	}
	above = append(slices.Clone(above), name)
	block := &Block{Attributes: map[string]*Attribute{}, Blocks: map[string]*Nested{}}
	for _, f := range c.members {
		in := m.inputs[name][f.name]
		if times(above, f.nested) == 2 {
			continue // a rule in a rule in a rule: real schemas end somewhere too
		}
		if in != nil && in.block {
			nested, err := m.nested(f, in, above)
			if err != nil {
				return nil, err
			}
			block.Blocks[f.name] = nested
			continue
		}
		t, err := m.typeOf(f, in, above)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", name, f.name, err)
		}
		encoded, err := json.Marshal(t)
		if err != nil {
			return nil, fmt.Errorf("encode a type: %w", err)
		}
		block.Attributes[f.name] = &Attribute{Type: encoded, Required: f.required, Optional: f.optional, Computed: f.computed, WriteOnly: f.writeOnly}
	}
	return block, nil
}

func times(list []string, name string) (n int) {
	for _, s := range list {
		if s == name {
			n++
		}
	}
	return n
}

// ofInputs is a class that the package has arguments of only: the blocks of the provider itself. Which are required, it does not say.
func (m *module) ofInputs(name string) *class {
	if m.inputs[name] == nil {
		return nil
	}
	c := &class{name: name}
	for argument := range m.inputs[name] {
		c.members = append(c.members, &member{name: argument, optional: true})
	}
	return c
}

func (m *module) nested(f *member, in *input, above []string) (*Nested, error) {
	n := &Nested{Mode: in.kind}
	if f.required {
		n.Min = 1
	}
	if f.shape == "OutputReference" {
		n.Max = 1
	}
	switch in.kind {
	case "struct":
		n.Mode, n.Max = "single", n.Min
	case "map":
		n.Min, n.Max = 0, 0
	}
	of := f.nested
	if of == "" { // the provider's own blocks have no reference
		of = strings.TrimSuffix(in.storage, "List")
	}
	var err error
	if n.Block, err = m.block(of, above); err == nil && n.Mode != "single" && n.Block.dynamic() {
		n.Mode = "list" // Terraform allows no unknown types in sets and maps
	}
	return n, err
}

func (b *Block) dynamic() bool {
	for _, a := range b.Attributes {
		if string(a.Type) == `"dynamic"` {
			return true
		}
	}
	for _, n := range b.Blocks {
		if n.Block.dynamic() {
			return true
		}
	}
	return false
}

// typeOf is a type in Terraform's JSON.
func (m *module) typeOf(f *member, in *input, above []string) (any, error) {
	switch {
	case f.nested != "" && m.classes[f.nested] != nil:
		object, err := m.object(f.nested, above)
		if err != nil {
			return nil, err
		}
		return wrap(f, in, object), nil
	case in != nil:
		return stored(in.kind, in.storage)
	case f.getter != "":
		return got(f.getter, f.set)
	case f.nested != "": // a collection of the CDK's own, like StringMap
		if t, err := stored("list", lowerFirst(f.nested)+f.shape); err == nil {
			return t, nil
		}
	}
	return "dynamic", nil // computed, and too nested for a class
}

func wrap(f *member, in *input, object any) any {
	switch {
	case f.shape == "Map" || (in != nil && in.kind == "map"):
		return []any{"map", object}
	case in != nil && in.kind == "struct":
		return object
	case f.set || (in != nil && in.kind == "set"):
		return []any{"set", object}
	}
	return []any{"list", object}
}

// object is a class as the type of an attribute.
func (m *module) object(name string, above []string) (any, error) {
	block, err := m.block(name, above)
	if err != nil {
		return nil, err
	}
	fields := map[string]any{}
	for name, a := range block.Attributes {
		fields[name] = a.Type
	}
	for name, n := range block.Blocks {
		of, err := json.Marshal(n.Block)
		if err != nil {
			return nil, fmt.Errorf("encode a type: %w", err)
		}
		return nil, fmt.Errorf("%s is a block in an attribute: %s", name, of)
	}
	return []any{"object", fields}, nil
}

// stored is the type of an argument: simple and string, set and stringList, map and stringMap.
func stored(kind, storage string) (any, error) {
	for _, suffix := range []string{"List", "Map"} {
		inner, found := strings.CutSuffix(storage, suffix)
		if !found {
			continue
		}
		of, err := stored(strings.ToLower(suffix), inner)
		if err != nil {
			return nil, err
		}
		if of == "dynamic" {
			return of, nil // the CDK writes what may be anything as a map of anything
		}
		if kind == "set" {
			suffix = kind
		}
		return []any{strings.ToLower(suffix), of}, nil
	}
	switch storage {
	case "string", "number":
		return storage, nil
	case "boolean":
		return "bool", nil
	case "any":
		return "dynamic", nil
	}
	return nil, fmt.Errorf("unknown type %s of %s", kind, storage)
}

// got is the type of what a getter gives.
func got(getter string, set bool) (any, error) {
	kind := "list"
	if set {
		kind = "set"
	}
	switch getter {
	case "List":
		return []any{kind, "string"}, nil
	case "NumberList":
		return []any{kind, "number"}, nil
	}
	return stored(kind, lowerFirst(getter))
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
