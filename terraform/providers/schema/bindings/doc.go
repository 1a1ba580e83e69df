// Package bindings reads the schema of a Terraform provider out of its prebuilt CDK package, as npm has it.
//
// Such a package is generated from the provider's schema, one directory for each resource, data source and ephemeral resource, and
// says of every argument whether it is required, optional or computed, of what type it is, and whether it is a block:
//
//	class EcsServiceAlarmsOutputReference …     the members of a nested object: flags in comments, and types of what is computed
//	function ecsServiceAlarmsToHclTerraform …   its arguments: types, and which are blocks
//	class EcsService extends TerraformResource  the same two for the resource itself
//
// The comments are in the TypeScript that the package was made of; each file of JavaScript carries it in its source map.
//
// What is not in it: validation inside of the provider (enumerations, conflicts, forms of ARNs, computed attributes that are set),
// which values are sensitive, bounds of the number of blocks other than one, and which settings of the provider itself are required.
package bindings
