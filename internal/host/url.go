package host

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// CheckURL returns what is wrong with the host and port of a URL.
func CheckURL(u *url.URL) error {
	name, port := u.Hostname(), u.Port()
	if strings.Contains(name, ":") && u.Host[0] != '[' {
		return errBrackets
	}
	if err := Check(name); err != nil {
		return err
	}
	if port == "" && strings.HasSuffix(u.Host, ":") {
		return errPort
	}
	if port != "" {
		return CheckPort(port)
	}
	return nil
}

// WebSocketURL parses the base URL of a server, ws://host:port or wss://host, as command-line programs take it in a flag. It strips
// the white space that a shell's $(cat …) or a form may leave around it.
func WebSocketURL(text string) (string, error) {
	text = strings.TrimSpace(text)
	u, err := url.Parse(text)
	switch {
	case err != nil && strings.Contains(text, "${"):
		return "", fmt.Errorf("want ws://host:port or wss://host: %w", errUnexpanded)
	case err != nil || u.Scheme != "ws" && u.Scheme != "wss" || u.Opaque != "":
		return "", errors.New("want ws://host:port or wss://host")
	case u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("want ws://host:port or wss://host, and no ? or #")
	}
	if err := CheckURL(u); err != nil {
		return "", fmt.Errorf("want ws://host:port or wss://host: %w", err)
	}
	return text, nil
}
