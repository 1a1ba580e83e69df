package suite

import (
	"fmt"
	"io"
	"strings"
)

// sections are the headings of the table of results.
var sections = []struct{ prefix, title string }{
	{"1", "Framing"},
	{"2", "Pings and pongs"},
	{"3", "Reserved bits"},
	{"4", "Undefined opcodes"},
	{"5", "Fragmentation"},
	{"6", "UTF-8"},
	{"7", "The close handshake"},
	{"9", "Limits"},
	{"10", "Messages cut into many frames"},
	{"12", "Compression: declined"},
	{"13", "Compression with parameters: declined"},
	{"20", "Lengths longer than needed"},
	{"21", "Masks"},
	{"22", "Messages that are too large"},
	{"23", "Further close codes"},
	{"24", "Frames with the upgrade request"},
	{"25", "Further extensions: declined"},
	{"26", "Messages for a peer"},
}

const preface = `# WebSocket: case by case

Written by ` + "`go run ./e2e/wscases -out docs/websocket.md`" + `. A test runs all cases and compares this page with what it saw.

What a client sends after its upgrade, and what has to come of it (RFC 6455), against a running ` + "`functions/signal`" + `. The numbers up
to 13 are those of the [Autobahn test suite](https://github.com/crossbario/autobahn-testsuite)'s case list; the cases behind them
are our own table, and from 20 on the numbers are ours too. Every case runs three times: whole (or in the writes it names), byte by byte,
and in random pieces. Above 4 KiB "byte by byte" means the headers; payloads go in pieces of 997 bytes.

- *echo*: the service does not echo, but answers what is no JSON with an ` + "`invalidMessageError`" + ` that holds the whole message. That is
  compared. Bytes of a binary message that are no UTF-8 come back as U+FFFD.
- *open*: an offer that is sent next is confirmed and reaches a peer, and close 1000 is answered with close 1000.
- *close*: a close frame with that code comes next, then a clean end of the stream, no reset.
- *validation*, *missing*, *confirmation*: ` + "`validationError`, `missingRemoteClientError` and `confirmation`" + ` of docs/protocol.md.

Scaled: the list's limits go to 16 MiB, here a message has 64 KiB at most; of its thousand messages in a row a hundred are sent. Left
out: sections 12 and 13 compress some 200 messages of many sizes; compression is declined, and every case checks that the answer to its
upgrade has no ` + "`Sec-WebSocket-Extensions`" + `.
`

// WriteTable writes the results as a page of documentation. It holds nothing that differs between two runs with the
// same results.
func WriteTable(w io.Writer, results []Result) error {
	var page strings.Builder
	page.WriteString(preface)
	fmt.Fprintf(&page, "\n%s\n", Summary(results))
	for _, section := range sections {
		fmt.Fprintf(&page, "\n## %s %s\n\n| case | sent | expected | result |\n|---|---|---|---|\n", section.prefix, section.title)
		for _, r := range results {
			if prefix, _, _ := strings.Cut(r.ID, "."); prefix == section.prefix {
				fmt.Fprintf(&page, "| %s | %s | %s | %s |\n", r.ID, strings.ReplaceAll(r.Sent, "|", "\\|"), r.Expected, r.Outcome)
			}
		}
	}
	if _, err := io.WriteString(w, page.String()); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

// Summary counts outcomes: "<n> cases: <n> pass, …".
func Summary(results []Result) string {
	counts := map[Outcome]int{}
	for _, r := range results {
		counts[r.Outcome]++
	}
	var words []string
	for _, o := range []Outcome{Pass, Fail, Skip} {
		if counts[o] > 0 {
			words = append(words, fmt.Sprintf("%d %s", counts[o], o))
		}
	}
	return fmt.Sprintf("%d cases: %s.", len(results), strings.Join(words, ", "))
}
