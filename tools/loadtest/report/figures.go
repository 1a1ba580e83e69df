package report

// Names of the figures that are plotted. Costs are processor time of all processes of a kind.
const (
	FigConnections         = "connections"
	FigRSSPerConnection    = "rss_per_connection"
	FigKernelPerConnection = "kernel_memory_per_connection"
	FigIdleCPU             = "idle_cpu_per_connection"
	FigDelivered           = "delivered"
	FigRate                = "messages_per_second"
	FigServerCPU           = "server_cpu_per_message"
	FigRedisCPU            = "redis_cpu_per_message"
)

// Names of the latencies.
const (
	// LatOneWay is from when a message was due until it arrived: what a client would have seen.
	LatOneWay = "one way"
	// LatWritten is from when it was written.
	LatWritten = "one way, from write"
	// LatReconnect is the same, but not from before a client that was away began to reconnect.
	LatReconnect = "one way, from reconnect"
	// LatConfirm is from when it was due until it was confirmed.
	LatConfirm = "confirmation"
	// LatLate is how late the load itself was.
	LatLate = "load late by"
	// LatUpgrade is from when a user was due to connect until it was let in, later attempts included.
	LatUpgrade = "upgrade"
	// LatNegotiation is from when an offer was due until offer, answer and all candidates had arrived.
	LatNegotiation = "negotiation"
	// LatFirstAnswer is from when the second of a pair was due to connect until the answer to the first offer had arrived.
	LatFirstAnswer = "first answer"
	// LatWaited is one way, of messages whose sender or receiver was away meanwhile.
	LatWaited = "one way, waited for its receiver"
	// LatAway is from the cut of a connection until its client was back as of LatResume.
	LatAway = "away"
	// LatResume is from when a resume was due until its last replayed message arrived.
	LatResume = "resume"
)
