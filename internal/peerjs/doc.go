// Package peerjs is the dialect of PeerJS clients (npm peerjs), as their server speaks it (npm peer, PeerServer): its URLs, ids and
// messages. It owns no goroutine and no state, and knows neither sockets nor sessions.
//
//	GET <path><key>/id       a new id, as text
//	GET <path><key>/peers    the ids that are connected, if that is allowed
//	GET <path>               what this is
//	GET <path>peerjs?key=…&id=…&token=…    WebSocket
//
//	to the client                                        from it
//	{"type":"OPEN"}                                      {"type":"HEARTBEAT"}
//	{"type":"ID-TAKEN","payload":{"msg":"ID is taken"}}
//	{"type":"ERROR","payload":{"msg":…}}
//	{"type":"OFFER","src":…,"dst":…,"payload":…}         {"type":"OFFER","dst":…,"payload":…}
//	and so ANSWER, CANDIDATE, LEAVE, EXPIRE              and so ANSWER, CANDIDATE, LEAVE, EXPIRE
//
// A PeerJS client is in no room with others: its id is its address, and any client that knows it may send to it. So each id is a room of its own
// with one client, see RoomOf.
package peerjs
