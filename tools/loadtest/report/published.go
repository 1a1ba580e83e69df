package report

// Published is what others have published of a resume benchmark. Latencies in milliseconds, from sent to received, offline time included.
type Published struct {
	Name                 string
	Delivered            float64 // percent
	P50, P95, P99, Worst float64
}

// PublishedJitter is the table "Delivery under jitter" of github.com/anycable/nodejs-websocket-bench as of June 2026, on their machine
// (Railway, 32 vCPU, 32 GB): 10,000 clients of one stream, 120 broadcasts at 2 a second, every client cut about every 15 s and offline for
// about 2 s. The publisher is never cut.
var PublishedJitter = []Published{
	{"Socket.IO", 84.55, 106, 394, 1070, 1750},
	{"uWebSockets.js", 87.03, 92, 720, 1720, 2950},
	{"Socket.IO with state recovery", 100, 148, 1970, 4580, 9710},
	{"AnyCable", 100, 250, 4100, 6140, 9230},
}
