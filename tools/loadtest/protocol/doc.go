// Package protocol is how the clients of several servers speak, so that one load generator can measure them side by side: Rejoin in both
// dialects, Socket.IO with connection state recovery, Centrifugo with recovery.
//
//	            Upgrade        Opened          Ready             Send, Tick
//	Client ───► request ─────► greeting ─────► in the room ────► messages ───► connection ends, Upgrade resumes …
//	                                             │
//	                                             └─ Read ──► Listener: Message, Confirmed, Refused, GoAway, Unexpected
//
// A [Client] is one of the two in a room, over all its connections. It keeps what its protocol resumes with. All of them carry the same
// message: the JSON object that package traffic makes.
package protocol
