// Package release is the module of the tools that make a release: GoReleaser, which brings half of the world and is in no other
// module for that. `task release:check` and `task release:snapshot` run it.
package release
