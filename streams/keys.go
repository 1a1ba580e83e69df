package streams

// All keys and channels are named here and in lua/lib.lua, nowhere else. The keys of a room share the
// hash tag {room}, so that a script may touch all of them on Redis Cluster.

import "strconv"

const (
	leasesKey     = "rejoin:instances"
	channelPrefix = "rejoin:i:"

	revocationsKey = "rejoin:revoked"
	// revocationsChannel rings at all instances that follow revocations. No instance's name has braces.
	revocationsChannel = channelPrefix + "{revoked}"
)

// peersKey is the list of connected PeerJS ids of a key.
func peersKey(key string) string { return "rejoin:peers:" + key }

func roomKey(room string) string { return string(appendRoomKey(nil, room)) }

// appendRoomKey appends the key of a room's hash, {room}:m.
func appendRoomKey[T string | []byte](dst []byte, room T) []byte {
	dst = append(dst, '{')
	dst = append(dst, room...)
	return append(dst, "}:m"...)
}

// spreadLeaseKey is a further key of leases: on a cluster there are some, in different slots.
func spreadLeaseKey(n int) string { return leasesKey + ":{" + strconv.Itoa(n) + "}" }

func channel(instance string) string { return channelPrefix + instance }

// tracedChannel is where an instance that traces is rung for messages that are followed: with their trace, which those
// that do not trace, or are of an earlier version, would not understand. When that channel has no subscriber, the message is rung
// for as any other. (On a cluster PUBLISH may not count the listener; then it is rung for twice, and the second is
// a duplicate.) No instance's name has braces.
func tracedChannel(instance string) string { return channelPrefix + instance + "{traced}" }

// appendMailboxKey appends the key of a client's mailbox, {room}:s:<clientId>.
func appendMailboxKey[T string | []byte](dst []byte, room, client T) []byte {
	dst = append(dst, '{')
	dst = append(dst, room...)
	dst = append(dst, "}:s:"...)
	return append(dst, client...)
}
