//go:build linux

package scenario

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/rejoin-dev/rejoin/internal/host"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// maxHeld is how many connections one process is asked to hold: 20,000 descriptors are usual.
const maxHeld = 19_000

// options are the flags that all scenarios share.
type options struct {
	JSON        string
	plot        string
	a, b        string
	pids        list
	redisPID    int
	binary      string
	redisServer string
	env         list
	timeout     time.Duration
	pending     int
}

// list is a flag that may be repeated, or hold commas.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(s string) error {
	for one := range strings.SplitSeq(s, ",") {
		if one = strings.TrimSpace(one); one != "" {
			*l = append(*l, one)
		}
	}
	return nil
}

// newFlags returns the flags of a scenario, with the shared ones.
func newFlags(name, what string, stderr io.Writer) (*flag.FlagSet, *options) {
	o := &options{}
	f := flag.NewFlagSet("loadtest "+name, flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprintf(stderr, "loadtest %s: %s\n\n", name, what)
		f.PrintDefaults()
	}
	f.StringVar(&o.JSON, "json", "", "write the results to this `file` too")
	f.StringVar(&o.plot, "plot", "", "load and storm: draw the run over time into this `file`, SVG")
	f.StringVar(&o.a, "a", "", "`URL` of a running server, ws://127.0.0.1:4000; without it servers are started")
	f.StringVar(&o.b, "b", "", "`URL` of another one (default: the same)")
	f.Var(&o.pids, "pids", "process `IDs` of the servers at -a and -b, to measure them")
	f.IntVar(&o.redisPID, "redis-pid", 0, "process `ID` of their Redis, to measure it")
	f.StringVar(&o.binary, "server-binary", "", "start this `file` in place of building functions/signal")
	f.StringVar(&o.redisServer, "redis-server", "redis-server", "the redis-server to start")
	f.Var(&o.env, "env", "`NAME=value` for the started servers; may be repeated")
	f.DurationVar(&o.timeout, "timeout", 15*time.Minute, "give up after this long")
	f.IntVar(&o.pending, "pending", 256, "most connections that are being opened at once, in each process")
	return f, o
}

func (o *options) parse(f *flag.FlagSet, args []string) error {
	if err := f.Parse(args); err != nil {
		return err
	}
	switch {
	case f.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", f.Arg(0))
	case o.b != "" && o.a == "":
		return errors.New("-b without -a")
	case o.pending < 1 || o.timeout <= 0:
		return errors.New("-pending and -timeout have to be positive")
	}
	for _, e := range o.env {
		if name, _, ok := strings.Cut(e, "="); !ok || name == "" {
			return fmt.Errorf("-env %q: want NAME=value", e)
		}
	}
	return errors.Join(checkURL("-a", &o.a), checkURL("-b", &o.b))
}

// checkURL looks at the URL of a flag, which may be empty.
func checkURL(flag string, value *string) (err error) {
	if *value == "" {
		return nil
	}
	text := *value
	if *value, err = host.WebSocketURL(text); err != nil {
		return fmt.Errorf("%s %q: %w", flag, text, err)
	}
	return nil
}

// given are the servers that run already.
func (o *options) given() (urls []string, pids []int, err error) {
	for _, u := range []string{o.a, o.b} {
		if u != "" {
			urls = append(urls, u)
		}
	}
	for _, p := range o.pids {
		pid, err := strconv.Atoi(p)
		if err != nil || pid <= 0 {
			return nil, nil, fmt.Errorf("-pids %q: want process IDs", p)
		}
		pids = append(pids, pid)
	}
	return urls, pids, nil
}

// rate is a flag: operations a second, 0 for as many as possible.
type rate float64

func (r *rate) String() string {
	if *r == 0 {
		return "max"
	}
	return strconv.FormatFloat(float64(*r), 'f', -1, 64)
}

func (r *rate) Set(s string) error {
	if s == "max" {
		*r = 0
		return nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || v <= 0 || v > 1e6 {
		return errors.New("want operations a second, or max")
	}
	*r = rate(v)
	return nil
}

// interval is the time between two operations in nanoseconds, 0 for none, when so many loops share the rate.
func (r rate) interval(loops int) int64 {
	if r == 0 {
		return 0
	}
	return int64(float64(loops) * 1e9 / float64(r))
}

// dialectFlag makes a dialect a flag.
type dialectFlag struct{ *traffic.Dialect }

func (d dialectFlag) String() string {
	if d.Dialect == nil {
		return ""
	}
	return d.Dialect.String()
}

func (d dialectFlag) Set(s string) (err error) {
	*d.Dialect, err = traffic.ParseDialect(s)
	return err
}
