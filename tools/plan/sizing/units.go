package sizing

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
)

// Units are what things cost, as the load test measured it. Processor time is in microseconds, memory in bytes.
type Units struct {
	InstanceBytes float64 // process, empty
	RedisBytes    float64 // process, empty

	ConnectionBytes Curve // process memory of a connection, by connections of the process
	IdleServer      Curve // processor time a second of a connection, by connections of the process
	IdleRedis       Curve // …, by connections of all
	RedisClient     float64

	ConnectServer, ConnectRedis float64
	MessageServer               Curve // by messages a second of a process
	MessageRedis                Curve // by messages a second of Redis
	ResumeServer, ResumeRedis   float64
	ResumesAtOnce               float64 // that gave ResumeRedis: a closed loop of so many
	ResumesPerSecond            float64 // …, and what came of it
	ResumeP50                   float64

	StartSeconds     float64 // from the start of a process to the first connection
	RedisConnections float64 // of an instance
	Machine          string
}

// Curve is a cost at some loads, in rising order.
type Curve []report.Point

// At is the cost at a load: between two measurements the line between them, on logarithmic axes; outside the nearest one.
func (c Curve) At(load float64) float64 {
	i := sort.Search(len(c), func(i int) bool { return c[i].X >= load })
	switch {
	case i == 0:
		return c[0].Y
	case i == len(c):
		return c[i-1].Y
	}
	a, b := c[i-1], c[i]
	share := math.Log(load/a.X) / math.Log(b.X/a.X)
	return math.Exp(math.Log(a.Y) + share*math.Log(b.Y/a.Y))
}

// LoadUnits reads the results of the load test in a directory.
func LoadUnits(dir string) (Units, error) {
	files, err := report.Load(dir)
	if err != nil {
		return Units{}, err
	}
	u := Units{}
	for i := range files {
		for j := range files[i].Results {
			if r := &files[i].Results[j]; r.Subject == report.SubjectRejoin || files[i].Scenario == "start" || files[i].Scenario == "resume" {
				u.take(&files[i], r)
			}
		}
	}
	return u, u.check()
}

// take notes what a run measured. Of two measurements of the same the worse one counts.
func (u *Units) take(f *report.File, r *report.Result) {
	get := func(name string) float64 { v, _ := r.Get(name); return v }
	n := get(report.FigConnections)
	servers, redis := split(r.Processes)
	switch f.Scenario {
	case "start":
		u.StartSeconds = max(u.StartSeconds, get("start_to_upgrade_median")/1e3)
		u.RedisBytes = max(u.RedisBytes, float64(redis.RSSBytes))
		u.Machine = f.Machine.String()
	case "idle":
		each := n / float64(servers)
		u.InstanceBytes = max(u.InstanceBytes, get("empty_process_rss")*1e6)
		u.ConnectionBytes.add(each, max(get(report.FigRSSPerConnection), get("rss_per_connection_after_window")))
		u.IdleServer.add(each, get(report.FigIdleCPU))
		u.IdleRedis.add(n, get("redis_"+report.FigIdleCPU))
		u.ConnectServer = max(u.ConnectServer, get("cpu_per_connect"))
		u.ConnectRedis = max(u.ConnectRedis, get("redis_cpu_per_connect"))
		u.RedisConnections = max(u.RedisConnections, float64(redis.Connections)/float64(servers))
		if n >= manyClients {
			u.RedisClient = max(u.RedisClient, (float64(redis.RSSBytes)-u.RedisBytes)/n)
		}
	case "relay":
		rate := get(report.FigRate)
		if dialect(r) == "plain" { // the dearer one
			u.MessageServer.add(rate/float64(servers), get(report.FigServerCPU))
			u.MessageRedis.add(rate, get(report.FigRedisCPU))
		}
	case "resume":
		if perSecond := get("resumes_per_second"); perSecond > u.ResumesPerSecond {
			u.ResumesPerSecond, u.ResumeServer, u.ResumeRedis = perSecond, get("server_cpu_per_resume"), get("redis_cpu_per_resume")
			u.ResumesAtOnce, _ = strconv.ParseFloat(setting(r, "most at once"), 64)
			if l := r.Latency(report.LatResume); l != nil {
				u.ResumeP50 = l.P50 / 1e6
			}
		}
	}
}

// manyClients is how many Redis must hold for its memory to say what a client costs.
const manyClients = 10_000

// add adds a measurement.
func (c *Curve) add(x, y float64) {
	i := sort.Search(len(*c), func(i int) bool { return (*c)[i].X >= x*0.98 })
	if i < len(*c) && (*c)[i].X <= x*1.02 { // the same load
		(*c)[i].Y = max((*c)[i].Y, y)
		return
	}
	*c = append(*c, report.Point{})
	copy((*c)[i+1:], (*c)[i:])
	(*c)[i] = report.Point{X: x, Y: y}
}

func split(all []report.Process) (servers int, redis report.Process) {
	for _, p := range all {
		if p.Name == "redis" {
			redis = p
		} else {
			servers++
		}
	}
	return max(servers, 1), redis
}

func setting(r *report.Result, name string) string {
	for _, s := range r.Settings {
		if s.Name == name {
			return s.Value
		}
	}
	return ""
}

func dialect(r *report.Result) string { return setting(r, "dialect") }

// check reports what has not been measured.
func (u *Units) check() error {
	var missing []string
	for name, have := range map[string]bool{
		"idle": len(u.ConnectionBytes) > 0 && u.RedisClient > 0, "relay": len(u.MessageRedis) > 0, "resume": u.ResumesPerSecond > 0, "start": u.StartSeconds > 0,
	} {
		if !have {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		sort.Strings(missing)
		return fmt.Errorf("no measurements of %s: run the load test (task bench)", strings.Join(missing, ", "))
	}
	return nil
}
