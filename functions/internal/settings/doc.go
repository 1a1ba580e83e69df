// Package settings reads a function's settings from environment variables, documents them, and reports everything that is
// wrong with them at once, one line each. A setting is a struct field with tags:
//
//	Port uint16 `env:"PORT" envDefault:"4000" help:"WebSockets and GET /health"`
//
// Groups that several functions share, such as TURN, are embedded structs.
package settings
