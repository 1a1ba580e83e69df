package wire

// ICEServer is an RTCIceServer (W3C WebRTC 1.0, section 4.2.4) for RTCPeerConnection. Username and Credential are left
// out when they are empty, as for STUN.
type ICEServer struct {
	URLs                 []string
	Username, Credential string
}

// AppendICEServers appends which STUN and TURN servers to use, and for how many seconds from now their credentials are
// good. For rejoin.v1 only.
func AppendICEServers(dst []byte, servers []ICEServer, ttlSeconds int64) []byte {
	return appendICEServers(append(dst, `{"info":"iceServers",`...), servers, ttlSeconds)
}

// AppendICEServersBody appends the same as the answer to GET /ice-servers: without the info field.
func AppendICEServersBody(dst []byte, servers []ICEServer, ttlSeconds int64) []byte {
	return appendICEServers(append(dst, '{'), servers, ttlSeconds)
}

func appendICEServers(dst []byte, servers []ICEServer, ttlSeconds int64) []byte {
	dst = append(dst, `"iceServers":[`...)
	for i := range servers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendICEServer(dst, &servers[i])
	}
	dst = append(dst, ']')
	dst = appendIntField(dst, `,"ttlSeconds":`, ttlSeconds)
	return append(dst, '}')
}

func appendICEServer(dst []byte, s *ICEServer) []byte {
	dst = append(dst, `{"urls":[`...)
	for i, u := range s.URLs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendQuoted(dst, u)
	}
	dst = append(dst, ']')
	if s.Username != "" {
		dst = append(dst, `,"username":`...)
		dst = appendQuoted(dst, s.Username)
	}
	if s.Credential != "" {
		dst = append(dst, `,"credential":`...)
		dst = appendQuoted(dst, s.Credential)
	}
	return append(dst, '}')
}
