package redistest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// command sends one inline command to the server at addr, on a connection of its own, and
// returns the text of a simple or bulk reply. Five commands at start do not need a client
// library, whose pool would go on dialling a server that is not there yet.
func command(ctx context.Context, addr, line string) (string, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp4", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return "", err
		}
	}
	if _, err := io.WriteString(conn, line+"\r\n"); err != nil {
		return "", err
	}
	reply, err := readReply(bufio.NewReader(conn))
	if err != nil {
		return "", fmt.Errorf("%s: %w", line, err)
	}
	return reply, nil
}

// readReply reads a simple string, an error, a number, a bulk string or an array of these (its texts, one a line) of RESP2.
func readReply(r *bufio.Reader) (string, error) {
	head, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	head = strings.TrimRight(head, "\r\n")
	if head == "" {
		return "", errors.New("empty reply")
	}
	switch text := head[1:]; head[0] {
	case '+', ':':
		return text, nil
	case '*':
		return readArray(r, text)
	case '$':
		length, err := strconv.Atoi(text)
		if err != nil || length < -1 {
			return "", fmt.Errorf("bulk length %q", text)
		}
		if length < 0 {
			return "", nil // nothing there
		}
		body := make([]byte, length+len("\r\n"))
		_, err = io.ReadFull(r, body)
		return string(body[:length]), err
	default:
		return "", errors.New(head)
	}
}

func readArray(r *bufio.Reader, length string) (string, error) {
	n, err := strconv.Atoi(length)
	if err != nil {
		return "", fmt.Errorf("array length %q", length)
	}
	items := make([]string, 0, max(0, n))
	for range n {
		item, err := readReply(r)
		if err != nil {
			return "", err
		}
		items = append(items, item)
	}
	return strings.Join(items, "\n"), nil
}

// field finds the value of name in the name:value lines of INFO and CLUSTER INFO.
func field(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
