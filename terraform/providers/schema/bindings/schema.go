package bindings

import "encoding/json"

// Provider is the schema of a provider, in the form of `terraform providers schema -json`.
type Provider struct {
	Source      string            `json:"source"` // namespace/name
	Version     string            `json:"version"`
	Config      *Block            `json:"provider"`
	Resources   map[string]*Block `json:"resource_schemas"`
	DataSources map[string]*Block `json:"data_source_schemas"`
	Ephemerals  map[string]*Block `json:"ephemeral_resource_schemas"`
}

// Block is what stands between braces.
type Block struct {
	Attributes map[string]*Attribute `json:"attributes,omitempty"`
	Blocks     map[string]*Nested    `json:"block_types,omitempty"`
}

// Attribute has at least one of Required, Optional and Computed.
type Attribute struct {
	Type      json.RawMessage `json:"type"` // as in Terraform's JSON: "string", ["list","string"], ["object",{…}]
	Required  bool            `json:"required,omitempty"`
	Optional  bool            `json:"optional,omitempty"`
	Computed  bool            `json:"computed,omitempty"`
	WriteOnly bool            `json:"write_only,omitempty"`
}

// Nested is a kind of block inside of another one.
type Nested struct {
	Mode  string `json:"nesting_mode"` // single, list, set or map
	Block *Block `json:"block"`
	Min   int64  `json:"min_items,omitempty"`
	Max   int64  `json:"max_items,omitempty"` // 0: any
}
