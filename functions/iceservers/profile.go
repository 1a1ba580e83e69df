package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rejoin-dev/rejoin/functions/internal/process"
)

const (
	aYear = 365 * 24 * time.Hour
	// maxProfileLife ends long before 2106, where coturn's seconds overflow.
	maxProfileLife = 10 * aYear
)

// profile is what a user enters in a wallet for their own signaling server. The wallet keeps the credential in it, so it has to
// live long.
type profile struct {
	url  *url.URL
	name string
	user string // coturn's quota counts by it
	life time.Duration
}

// wantsProfile reports whether the command line asks for a profile. settings.ParseFlags handles all others.
func wantsProfile(args []string) bool {
	return len(args) > 0 && (args[0] == "-profile" || args[0] == "--profile")
}

// printProfile prints what to enter in a wallet for this server.
func printProfile(pr *process.Process) error {
	p, err := parseProfile(pr.Args, pr.Out)
	if err != nil {
		return err
	}
	cfg, err := loadConfig(pr.Environ)
	if err != nil {
		return err
	}
	var form bytes.Buffer // so that it is printed whole or not at all
	if err := p.print(&form, cfg, time.Now()); err != nil {
		return err
	}
	if _, err := form.WriteTo(pr.Out); err != nil {
		return fmt.Errorf("print the profile: %w", err)
	}
	return nil
}

// parseProfile parses a command line that begins with -profile. It returns flag.ErrHelp after printing the help.
func parseProfile(args []string, stdout io.Writer) (profile, error) {
	var p profile
	var text string
	if len(args) > 1 && (args[1] == "-h" || args[1] == "--help") { // not a URL
		printProfileUsage(stdout)
		return p, flag.ErrHelp
	}
	flags := flag.NewFlagSet("iceservers -profile", flag.ContinueOnError)
	flags.SetOutput(stdout)
	flags.Usage = func() { printProfileUsage(stdout) }
	flags.StringVar(&text, "profile", "", "")
	flags.StringVar(&p.name, "name", "", "")
	flags.StringVar(&p.user, "user", "wallet", "")
	flags.DurationVar(&p.life, "for", aYear, "")
	if err := flags.Parse(args); err != nil {
		return p, err
	}
	if flags.NArg() > 0 {
		return p, fmt.Errorf("unexpected argument %q, see -profile -h", flags.Arg(0))
	}
	return p, p.check(text)
}

// check validates everything and reports all errors at once.
func (p *profile) check(text string) error {
	var bad []string
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "wss" && u.Scheme != "ws" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		bad = append(bad, fmt.Sprintf("-profile %q: want the URL that clients connect to, like wss://signal.example.com", text))
	} else {
		// Some wallets join URL and connectionId as they are, other clients add a / in between. This works with both.
		u.Path = strings.TrimRight(u.Path, "/") + "/"
		p.url = u
		if p.name == "" {
			p.name = u.Hostname()
		}
	}
	if !regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`).MatchString(p.user) {
		bad = append(bad, fmt.Sprintf("-user %q: want letters, digits, ., _ and -, 64 at most", p.user))
	}
	if p.life < time.Hour || p.life > maxProfileLife {
		bad = append(bad, fmt.Sprintf("-for %s: want 1h to %s", p.life, maxProfileLife))
	}
	if len(bad) > 0 {
		return errors.New(strings.Join(bad, "\n"))
	}
	return nil
}

// print writes the filled-in form and notes about it.
func (p profile) print(w io.Writer, cfg config, now time.Time) error {
	ice := cfg.TURN
	ice.TURNTTL = p.life
	issuer, err := ice.Issuer()
	if err != nil {
		return err
	}
	var relay bool
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(tw, "Name\t%s\nSignaling server\t%s\n", p.name, p.url)
	for _, server := range issuer.Servers(p.user, now) {
		kind := "STUN"
		if server.Username != "" {
			kind, relay = "TURN", true
		}
		for _, u := range server.URLs {
			fmt.Fprintf(tw, "%s URL\t%s\n", kind, u)
		}
		if server.Username != "" {
			fmt.Fprintf(tw, "TURN username\t%s\nTURN password\t%s\n", server.Username, server.Credential)
		}
	}
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("print the profile: %w", err)
	}
	if relay {
		fmt.Fprintf(w, "\nThe TURN credential is good until %s. All who have it share one user, %q, and its quota on the TURN server; it can be\n"+
			"taken back by changing the secret that it was made with, and by nothing else. Treat it as a password.\n",
			now.Add(p.life).UTC().Format(time.DateOnly), p.user)
	}
	if p.url.Scheme == "ws" {
		fmt.Fprint(w, "\nws:// is not encrypted: wallets take wss:// only, outside of a trial on one machine.\n")
	}
	return nil
}

func printProfileUsage(w io.Writer) {
	fmt.Fprint(w, `
Prints the form that a wallet shows for a signaling server of its user's own, filled in, with a TURN credential that lives long:

  iceservers -profile wss://signal.example.com [flags]

  -name text      name of the server in the wallet; default: the host
  -user text      user of the credential, which the TURN server counts allocations by; default: wallet
  -for duration   how long the credential is good, 1h to 87600h; default: 8760h, a year

TURN_URLS, STUN_URLS and TURN_SECRET or TURN_SECRET_FILE are as for the service. Give it a secret of its own, which coturn has as a
second static-auth-secret: then it can be taken back without touching anything else.
`)
}
