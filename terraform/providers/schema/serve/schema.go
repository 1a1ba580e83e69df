package serve

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/rejoin-dev/rejoin/terraform/providers/schema/bindings"
)

var modes = map[string]tfprotov5.SchemaNestedBlockNestingMode{
	"single": tfprotov5.SchemaNestedBlockNestingModeSingle,
	"list":   tfprotov5.SchemaNestedBlockNestingModeList,
	"set":    tfprotov5.SchemaNestedBlockNestingModeSet,
	"map":    tfprotov5.SchemaNestedBlockNestingModeMap,
}

func schemas(of *bindings.Provider) (r *tfprotov5.GetProviderSchemaResponse, err error) {
	r = &tfprotov5.GetProviderSchemaResponse{ServerCapabilities: capabilities}
	if r.Provider, err = schema(of.Config); err != nil {
		return nil, fmt.Errorf("the provider's settings: %w", err)
	}
	if r.ResourceSchemas, err = all(of.Resources); err != nil {
		return nil, err
	}
	if r.DataSourceSchemas, err = all(of.DataSources); err != nil {
		return nil, err
	}
	r.EphemeralResourceSchemas, err = all(of.Ephemerals)
	return r, err
}

func all(of map[string]*bindings.Block) (map[string]*tfprotov5.Schema, error) {
	list := map[string]*tfprotov5.Schema{}
	for name, b := range of {
		s, err := schema(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list[name] = s
	}
	return list, nil
}

func schema(of *bindings.Block) (*tfprotov5.Schema, error) {
	b, err := block(of)
	return &tfprotov5.Schema{Block: b}, err
}

func block(of *bindings.Block) (*tfprotov5.SchemaBlock, error) {
	b := &tfprotov5.SchemaBlock{}
	for _, name := range slices.Sorted(maps.Keys(of.Attributes)) {
		a := of.Attributes[name]
		//lint:ignore SA1019 it says that it is not for others, and there is no other reader of these types
		t, err := tftypes.ParseJSONType(a.Type)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		b.Attributes = append(b.Attributes, &tfprotov5.SchemaAttribute{
			Name: name, Type: t, Required: a.Required, Optional: a.Optional, Computed: a.Computed, WriteOnly: a.WriteOnly,
		})
	}
	for _, name := range slices.Sorted(maps.Keys(of.Blocks)) {
		n := of.Blocks[name]
		inner, err := block(n.Block)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		b.BlockTypes = append(b.BlockTypes, &tfprotov5.SchemaNestedBlock{TypeName: name, Block: inner, Nesting: modes[n.Mode], MinItems: n.Min, MaxItems: n.Max})
	}
	return b, nil
}
