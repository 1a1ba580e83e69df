package streams

// All keys and channels are named here and in lua/lib.lua, nowhere else. The keys of a room share the
// hash tag {room}, so that a script may touch all of them on Redis Cluster.

const (
	leasesKey     = "rejoin:instances"
	channelPrefix = "rejoin:i:"
)

func roomKey(room string) string { return string(appendRoomKey(nil, room)) }

// appendRoomKey appends the key of a room's hash, {room}:m.
func appendRoomKey[T string | []byte](dst []byte, room T) []byte {
	dst = append(dst, '{')
	dst = append(dst, room...)
	return append(dst, "}:m"...)
}

func channel(instance string) string { return channelPrefix + instance }

// appendMailboxKey appends the key of a client's mailbox, {room}:s:<clientId>.
func appendMailboxKey[T string | []byte](dst []byte, room, client T) []byte {
	dst = append(dst, '{')
	dst = append(dst, room...)
	dst = append(dst, "}:s:"...)
	return append(dst, client...)
}
