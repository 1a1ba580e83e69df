// Package settings reads the settings of a function from environment variables, explains them, and says what is wrong with
// them: all at once, each on a line of its own. A setting is a field of a struct with tags:
//
//	Port uint16 `env:"PORT" envDefault:"4000" help:"WebSockets and GET /health"`
//
// Groups that several functions share, such as TURN, are embedded structs.
package settings
