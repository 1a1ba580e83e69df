// Package serve is the Terraform provider that knows a schema and nothing else.
package serve

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"

	"github.com/rejoin-dev/rejoin/terraform/providers/schema/bindings"
)

// Serve speaks Terraform's plugin protocol, version 5, on standard output until Terraform ends it. load is called when the schema is
// asked for: most runs of a test have it already.
func Serve(source, version string, load func() (*bindings.Provider, error)) error {
	p := &provider{load: load, refusal: []*tfprotov5.Diagnostic{{
		Severity: tfprotov5.DiagnosticSeverityError,
		Summary:  fmt.Sprintf("This is the schema of %s %s, not the provider", source, version),
		Detail: "It is good for terraform validate, and for terraform test with mock_provider. " +
			"To plan or apply, run terraform init without the mirror of schemas, so that it installs the provider.",
	}}}
	if err := tf5server.Serve("registry.terraform.io/"+source, func() tfprotov5.ProviderServer { return p }); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// provider accepts what the schema accepts, and refuses to do anything.
type provider struct {
	load    func() (*bindings.Provider, error)
	refusal []*tfprotov5.Diagnostic
}

var capabilities = &tfprotov5.ServerCapabilities{GetProviderSchemaOptional: true}

func (p *provider) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	of, err := p.load()
	if err != nil {
		return nil, err
	}
	r := &tfprotov5.GetMetadataResponse{ServerCapabilities: capabilities}
	for name := range of.Resources {
		r.Resources = append(r.Resources, tfprotov5.ResourceMetadata{TypeName: name})
	}
	for name := range of.DataSources {
		r.DataSources = append(r.DataSources, tfprotov5.DataSourceMetadata{TypeName: name})
	}
	for name := range of.Ephemerals {
		r.EphemeralResources = append(r.EphemeralResources, tfprotov5.EphemeralResourceMetadata{TypeName: name})
	}
	return r, nil
}

func (p *provider) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	of, err := p.load()
	if err != nil {
		return nil, err
	}
	return schemas(of)
}

func (p *provider) GetResourceIdentitySchemas(context.Context, *tfprotov5.GetResourceIdentitySchemasRequest) (*tfprotov5.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov5.GetResourceIdentitySchemasResponse{}, nil
}

func (p *provider) GetFunctions(context.Context, *tfprotov5.GetFunctionsRequest) (*tfprotov5.GetFunctionsResponse, error) {
	return &tfprotov5.GetFunctionsResponse{}, nil
}

func (p *provider) PrepareProviderConfig(_ context.Context, r *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: r.Config}, nil
}

func (p *provider) ValidateResourceTypeConfig(context.Context, *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	return &tfprotov5.ValidateResourceTypeConfigResponse{}, nil
}

func (p *provider) ValidateDataSourceConfig(context.Context, *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return &tfprotov5.ValidateDataSourceConfigResponse{}, nil
}

func (p *provider) ValidateEphemeralResourceConfig(context.Context, *tfprotov5.ValidateEphemeralResourceConfigRequest) (*tfprotov5.ValidateEphemeralResourceConfigResponse, error) {
	return &tfprotov5.ValidateEphemeralResourceConfigResponse{}, nil
}

func (p *provider) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}
