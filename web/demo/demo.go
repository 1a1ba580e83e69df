package demo

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
)

//go:embed dist
var dist embed.FS

// Path is where Handler has to be mounted.
const Path = "/demo/"

// Config is what the page cannot know by itself.
type Config struct {
	// WebSocketPort is where signaling listens, on the host that the page came from.
	WebSocketPort int
	// ICEServers says that the server tells its clients STUN or TURN servers.
	ICEServers bool
	// PeerJSPath and PeerJSKey are where and how PeerJS clients are served, empty: nowhere.
	PeerJSPath, PeerJSKey string
}

// Handler serves the page and its config.json below Path. The page may run nothing but its own script, and connect to nothing but
// its own origin and the WebSocket port.
func Handler(cfg Config) http.Handler {
	pages, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // dist is embedded: the name is valid
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+Path, http.StripPrefix(Path, http.FileServerFS(pages)))
	mux.HandleFunc("GET "+Path+"config.json", func(w http.ResponseWriter, r *http.Request) { serveConfig(w, r, cfg) })
	policy := fmt.Sprintf("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
		"connect-src 'self' ws://*:%[1]d wss://*:%[1]d; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", cfg.WebSocketPort)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		mux.ServeHTTP(w, r)
	})
}

func serveConfig(w http.ResponseWriter, r *http.Request, cfg Config) {
	type peerJS struct {
		Path string `json:"path"`
		Key  string `json:"key"`
	}
	answer := struct {
		WebSocketPort int      `json:"websocketPort"`
		ICEServers    bool     `json:"iceServers"`
		PeerJS        *peerJS  `json:"peerJS"`
		Addresses     []string `json:"addresses"`
	}{WebSocketPort: cfg.WebSocketPort, ICEServers: cfg.ICEServers, Addresses: []string{}}
	if cfg.PeerJSPath != "" {
		answer.PeerJS = &peerJS{cfg.PeerJSPath, cfg.PeerJSKey}
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil && net.ParseIP(host).IsLoopback() {
		answer.Addresses = reachable()
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // the browser is gone: there is nothing to do
}

// reachable lists the private IPv4 addresses of this machine: where a phone in the same network finds it. Only the machine
// itself is told.
func reachable() []string {
	list := []string{}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return list // the page does without
	}
	for _, a := range addrs {
		if network, ok := a.(*net.IPNet); ok && network.IP.To4() != nil && network.IP.IsPrivate() {
			list = append(list, network.IP.String())
		}
	}
	return list
}
