package wire_test

import (
	"encoding/json"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

func TestICEServers(t *testing.T) {
	t.Parallel()
	servers := []wire.ICEServer{
		{URLs: []string{"stun:h:3478"}},
		{URLs: []string{"turn:h:3478?transport=udp", "turns:h:443?transport=tcp"}, Username: "1700000000:c", Credential: "a+b/c="},
	}
	for got, want := range map[string]string{
		string(wire.AppendICEServers(nil, servers, 3600)): `{"info":"iceServers","iceServers":[{"urls":["stun:h:3478"]},` +
			`{"urls":["turn:h:3478?transport=udp","turns:h:443?transport=tcp"],"username":"1700000000:c","credential":"a+b/c="}],"ttlSeconds":3600}`,
		string(wire.AppendICEServersBody(nil, servers[:1], 1)): `{"iceServers":[{"urls":["stun:h:3478"]}],"ttlSeconds":1}`,
		string(wire.AppendICEServersBody(nil, nil, 0)):         `{"iceServers":[],"ttlSeconds":0}`,
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("not JSON: %s", got)
		}
	}
}
