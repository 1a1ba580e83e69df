package sizing

import (
	"errors"
	"flag"
	"time"
)

// Assumptions are what is not measured: what clients do, how full things are made, and what they are to survive.
type Assumptions struct {
	// Of a client in an hour.
	Messages, Connects, Resumes float64

	MessageBytes float64 // a message with its confirmation, on the wire
	FrameBytes   float64 // around each, and a ping
	Ping         time.Duration
	WaitingBytes float64 // in a client's mailbox, on average
	SocketBytes  float64 // of the kernel for a connection

	Busy  float64 // how full things are made
	Speed float64 // of a processor there, to the one that was measured

	Storm    float64       // share of all clients that lose their connections at once
	Zone     float64       // share of all instances that are gone then
	Grace    time.Duration // within which all of them are to be back
	Recovery time.Duration // within which all clients of a shard are attached again after a failover
	Deploy   time.Duration // in which all instances are replaced

	RedisClients int     // connections that Redis takes
	BusMicros    float64 // processor time of each node of a Redis Cluster for each PUBLISH
	Replicas     int     // of each shard
	Descriptors  int     // of an instance
	Ports        int     // from one address of a balancer to one address of an instance
}

// Defaults are documented by Flags.
func Defaults() Assumptions {
	return Assumptions{
		Messages: 20, Connects: 2, Resumes: 4, MessageBytes: 1200, FrameBytes: 128, Ping: 25 * time.Second, WaitingBytes: 2000, SocketBytes: 5000,
		Busy: 0.6, Speed: 1, Storm: 1. / 3, Zone: 1. / 3, Grace: time.Minute, Recovery: 30 * time.Second, Deploy: 15 * time.Minute,
		RedisClients: 10_000, BusMicros: 2.2, Replicas: 1, Descriptors: 20_000, Ports: 28_232,
	}
}

// Flags makes them flags.
func (a *Assumptions) Flags(f *flag.FlagSet) {
	f.Float64Var(&a.Messages, "messages", a.Messages, "messages that a client sends in an hour: one WebRTC negotiation has 5 to 10 a side")
	f.Float64Var(&a.Connects, "connects", a.Connects, "new sessions of a client in an hour")
	f.Float64Var(&a.Resumes, "resumes", a.Resumes, "times in an hour that a client loses its connection and comes back")
	f.Float64Var(&a.MessageBytes, "message-bytes", a.MessageBytes, "bytes of a message: a candidate has 400, an offer 1,300; its confirmation with it")
	f.Float64Var(&a.FrameBytes, "frame-bytes", a.FrameBytes, "bytes of TCP, IP and TLS around a frame, and the ACK")
	f.DurationVar(&a.Ping, "ping", a.Ping, "PING_INTERVAL")
	f.Float64Var(&a.WaitingBytes, "waiting-bytes", a.WaitingBytes, "bytes that wait in a client's mailbox, on average")
	f.Float64Var(&a.SocketBytes, "socket-bytes", a.SocketBytes, "bytes that the kernel holds for a connection: 45 to 50 MB were measured for 10,000")
	f.Float64Var(&a.Busy, "busy", a.Busy, "share of processor, memory and connections that is used in peace; the rest is for herds and failures")
	f.Float64Var(&a.Speed, "speed", a.Speed, "speed of a processor there, to that of the machine of the measurements")
	f.Float64Var(&a.Storm, "storm", a.Storm, "share of all clients that lose their connections at once: a zone of three")
	f.Float64Var(&a.Zone, "zone", a.Zone, "share of all instances that are gone in a storm")
	f.DurationVar(&a.Grace, "grace", a.Grace, "GRACE_WINDOW: within it all of them have to be back")
	f.DurationVar(&a.Recovery, "recovery", a.Recovery, "within it all clients of a shard have to be attached again after its failover")
	f.DurationVar(&a.Deploy, "deploy", a.Deploy, "in which a deploy replaces all instances, and so moves all clients")
	f.IntVar(&a.RedisClients, "redis-clients", a.RedisClients, "connections that a Redis node takes: its default of maxclients")
	f.Float64Var(&a.BusMicros, "bus-us", a.BusMicros, "µs of each node of a Redis Cluster for each PUBLISH in it")
	f.IntVar(&a.Replicas, "replicas", a.Replicas, "replicas of each shard")
	f.IntVar(&a.Descriptors, "descriptors", a.Descriptors, "open files of an instance")
	f.IntVar(&a.Ports, "ports", a.Ports, "ports from one address of a balancer to one of an instance: Linux' default range")
}

// Check refuses what cannot be planned with.
func (a *Assumptions) Check() error {
	switch {
	case a.Busy <= 0 || a.Busy >= 1:
		return errors.New("want -busy between 0 and 1")
	case a.Messages < 0 || a.Connects < 0 || a.Resumes < 0 || a.Storm < 0 || a.Storm > 1:
		return errors.New("want -messages, -connects, -resumes of at least 0, -storm of 0 to 1")
	case a.Zone < 0 || a.Zone > 0.9:
		return errors.New("want -zone of 0 to 0.9")
	case a.Speed <= 0 || a.Grace <= 0 || a.Recovery <= 0 || a.Deploy <= 0 || a.Ping <= 0:
		return errors.New("want -speed, -grace, -recovery, -deploy and -ping of more than 0")
	case a.RedisClients < 1 || a.Replicas < 0 || a.Descriptors < 100 || a.Ports < 1 || a.BusMicros < 0:
		return errors.New("want -redis-clients, -replicas, -descriptors, -ports and -bus-us that make sense")
	}
	return nil
}
