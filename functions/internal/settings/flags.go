package settings

import (
	"flag"
	"fmt"
	"io"
)

// ParseFlags parses a function's command line, whose only flags are -h and -health, and reports whether -health was given.
// It returns flag.ErrHelp after usage has printed the help. Other errors of flags are already printed.
func ParseFlags(function string, args []string, stdout io.Writer, usage func(io.Writer)) (health bool, err error) {
	flags := flag.NewFlagSet(function, flag.ContinueOnError)
	flags.SetOutput(stdout)
	flags.Usage = func() { usage(stdout) }
	flags.BoolVar(&health, "health", false, "")
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	if flags.NArg() > 0 {
		return false, fmt.Errorf("unexpected argument %q: settings are environment variables, see -h", flags.Arg(0))
	}
	return health, nil
}
