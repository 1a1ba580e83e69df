package settings

import (
	"flag"
	"fmt"
	"io"
)

// ParseFlags reads the command line of a function, which has no flags but -h and -health, and says whether the health of the running
// one is asked for. It returns flag.ErrHelp when help was asked for, after usage has printed it; other errors of flags are
// printed already.
func ParseFlags(function string, args []string, stdout io.Writer, usage func(io.Writer)) (health bool, err error) {
	flags := flag.NewFlagSet(function, flag.ContinueOnError)
	flags.SetOutput(stdout)
	flags.Usage = func() { usage(stdout) }
	flags.BoolVar(&health, "health", false, "")
	if err := flags.Parse(args); err != nil {
		return false, err //nolint:wrapcheck // printed by flags already, or flag.ErrHelp
	}
	if flags.NArg() > 0 {
		return false, fmt.Errorf("unexpected argument %q: settings are environment variables, see -h", flags.Arg(0))
	}
	return health, nil
}
