// Schema is a Terraform provider that knows a schema and nothing else: terraform init, validate and test run with it where the real
// provider cannot be had, and plan and apply are refused.
//
//	schema install <package.tgz> <integrity> <mirror>   put the provider of a CDK package into a filesystem mirror
//	schema compare <package.tgz> <integrity> <root>     compare a root for AWS with AWS' own description of its resources
//	schema                                              serve schema.json.gz beside the program, as Terraform starts it
//
//	npm package ──bindings──► schema.json.gz ──serve──► Terraform
//
// It refuses what Terraform itself refuses with a schema in its hands: unknown, missing and mistyped arguments, and too many blocks.
// What the real provider would find beyond that it does not see; package bindings says what that is. For what matters most, compare asks
// the description that AWS itself publishes.
package main
