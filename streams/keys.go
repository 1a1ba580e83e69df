package streams

// All keys and channels are named here and in lua/lib.lua, nowhere else. The keys of a room share the
// hash tag {room}, so that a script may touch all of them on Redis Cluster.

import "strconv"

const (
	leasesKey     = "rejoin:instances"
	channelPrefix = "rejoin:i:"

	revocationsKey = "rejoin:revoked"
	// revocationsChannel rings at all instances that follow revocations. Instance names contain no braces.
	revocationsChannel = channelPrefix + "{revoked}"
)

// peersKey is the key of the list of PeerJS ids connected with a PeerJS key.
func peersKey(key string) string { return "rejoin:peers:" + key }

func roomKey(room string) string { return string(appendRoomKey(nil, room)) }

// appendRoomKey appends the key of a room's hash, {room}:m.
func appendRoomKey[T string | []byte](dst []byte, room T) []byte {
	dst = append(dst, '{')
	dst = append(dst, room...)
	return append(dst, "}:m"...)
}

// spreadLeaseKey is an additional lease key: a cluster has several, in different slots.
func spreadLeaseKey(n int) string { return leasesKey + ":{" + strconv.Itoa(n) + "}" }

func channel(instance string) string { return channelPrefix + instance }

// tracedChannel is where a tracing instance is rung for traced messages, with their trace, which instances without tracing, or of an
// earlier version, would not understand. If that channel has no subscriber, the message is rung for as usual. (On a cluster, PUBLISH may
// not count the listener; then it is rung for twice, and the second is a duplicate.) Instance names contain no braces.
func tracedChannel(instance string) string { return channelPrefix + instance + "{traced}" }

// appendMailboxKey appends the key of a client's mailbox, {room}:s:<clientId>.
func appendMailboxKey[T string | []byte](dst []byte, room, client T) []byte {
	dst = append(dst, '{')
	dst = append(dst, room...)
	dst = append(dst, "}:s:"...)
	return append(dst, client...)
}
