package e2e_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// span is one that a collector received.
type span struct {
	*tracepb.Span
	instance string
}

func (s span) attr(key string) string { return attrOf(s.GetAttributes(), key) }

func attrOf(list []*commonpb.KeyValue, key string) string {
	for _, a := range list {
		if a.GetKey() == key {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// collector receives OTLP over HTTP.
type collector struct {
	*httptest.Server
	t *testing.T

	mu    sync.Mutex
	spans []span
	raw   bytes.Buffer
	more  chan struct{} // closed with the next spans
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{t: t, more: make(chan struct{})}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var req tracepb.TracesData
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &req) != nil {
		c.t.Errorf("collector: cannot read what %s got: %v", r.URL.Path, err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Write(body)
	for _, group := range req.GetResourceSpans() {
		instance := attrOf(group.GetResource().GetAttributes(), "service.instance.id")
		for _, scope := range group.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				name, _, _ := strings.Cut(instance, ".") // an incarnation of that name
				c.spans = append(c.spans, span{s, name})
			}
		}
	}
	close(c.more)
	c.more = make(chan struct{})
}

// settings have a process send its traces here, soon.
func (c *collector) settings(instance, redis string) []string {
	return []string{
		"REDIS_URL=" + redis, "INSTANCE_ID=" + instance, "OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_BSP_SCHEDULE_DELAY=50",
	}
}

// await returns the first span that fits.
func (c *collector) await(ctx context.Context, what string, fits func(span) bool) span {
	c.t.Helper()
	for {
		c.mu.Lock()
		i, more := slices.IndexFunc(c.spans, fits), c.more
		var found span
		if i >= 0 {
			found = c.spans[i]
		}
		c.mu.Unlock()
		if i >= 0 {
			return found
		}
		select {
		case <-more:
		case <-ctx.Done():
			c.t.Fatalf("no span: %s", what)
		}
	}
}

func linked(s span, to span) bool {
	return slices.ContainsFunc(s.GetLinks(), func(l *tracepb.Span_Link) bool {
		return bytes.Equal(l.GetSpanId(), to.GetSpanId()) && bytes.Equal(l.GetTraceId(), to.GetTraceId())
	})
}

func child(of span) func(span) bool {
	return func(s span) bool {
		return bytes.Equal(s.GetTraceId(), of.GetTraceId()) && bytes.Equal(s.GetParentSpanId(), of.GetSpanId())
	}
}

// TestTraces follows a message from socket to socket over two instances, and a session over its connections: also
// when the message waited in between.
func TestTraces(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	redis, c, room := redistest.NewServer(t).URL(), newCollector(t), newRoom()
	x := proctest.Start(t, c.settings("X", redis)...)
	y := proctest.Start(t, c.settings("Y", redis)...)
	e := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension})
	w := dial(ctx, t, client.Config{URL: y.URL(), Room: room, Source: client.Wallet})
	to := e.meet()
	connect := c.await(ctx, "the wallet's connection", func(s span) bool {
		return s.GetName() == "connect" && s.instance == "Y" && s.attr("rejoin.session") == to[:8]
	})
	e.send(to, "offer", "the payload")
	wait[client.Data](w)
	send := c.await(ctx, "the offer", func(s span) bool { return s.GetName() == "send" && s.attr("rejoin.message.kind") == "offer" })
	deliver := c.await(ctx, "its delivery", child(send))
	if send.instance != "X" || deliver.instance != "Y" || deliver.GetName() != "deliver" || deliver.attr("rejoin.session") != to[:8] {
		t.Errorf("from %s to %s: %v", send.instance, deliver.instance, deliver)
	}
	if !linked(deliver, connect) {
		t.Error("the delivery is not linked to its connection")
	}

	at, err := w.Detach(ctx)
	if err != nil {
		t.Fatal(err)
	}
	wait[client.PeerSuspended](e)
	e.send(to, "iceCandidate", "the payload")
	back := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet, Resume: &at})
	wait[client.Data](back)
	again := c.await(ctx, "the connection after", func(s span) bool { return s.GetName() == "connect" && s.attr("rejoin.result") == "resumed" })
	if again.instance != "X" || again.attr("rejoin.session") != to[:8] || !linked(again, connect) {
		t.Errorf("the connection on %s is not linked to the one before: %v", again.instance, again)
	}
	candidate := c.await(ctx, "the candidate", func(s span) bool { return s.GetName() == "send" && s.attr("rejoin.message.kind") == "iceCandidate" })
	replay := c.await(ctx, "its delivery", child(candidate))
	if replay.instance != "X" || !linked(replay, again) {
		t.Errorf("delivered by %s: %v", replay.instance, replay)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, secret := range []string{"the payload", room, to, at.Token} {
		if bytes.Contains(c.raw.Bytes(), []byte(secret)) {
			t.Errorf("a span tells %.8s…", secret)
		}
	}
}

// TestTracesBesideInstancesWithout: instances that trace and such that do not, or do not know of it yet, share clients and messages.
func TestTracesBesideInstancesWithout(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	redis, c, room := redistest.NewServer(t).URL(), newCollector(t), newRoom()
	x := proctest.Start(t, c.settings("X", redis)...)
	y := proctest.Start(t, "REDIS_URL="+redis, "INSTANCE_ID=Y")
	for _, plain := range []bool{false, true} {
		e := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension, Plain: plain})
		w := dial(ctx, t, client.Config{URL: y.URL(), Room: room, Source: client.Wallet, Plain: plain})
		wallet, extension := e.meet(), w.meet()
		for range 3 {
			e.send(wallet, "offer", "there")
			wait[client.Data](w)
			w.send(extension, "answer", "and back")
			wait[client.Data](e)
		}
		if n := y.Metric("rejoin_redis_malformed_doorbells_total") + y.Metric("rejoin_doorbell_holes_total"); n != 0 {
			t.Errorf("Y misses or does not understand %v doorbells", n)
		}
		c.await(ctx, "an offer", func(s span) bool { return s.GetName() == "send" })
		for _, p := range []peer{e, w} {
			if err := p.Close(ctx); err != nil {
				t.Error(err)
			}
		}
		room = newRoom()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.instance != "X" {
			t.Errorf("a span of %s, in trace %s", s.instance, hex.EncodeToString(s.GetTraceId()))
		}
	}
}

// TestTracesAtTheEnd: what was not sent yet is sent when a process ends; a collector that is not there holds nothing up.
func TestTracesAtTheEnd(t *testing.T) {
	t.Parallel()
	ctx, c := limit(t), newCollector(t)
	away := httptest.NewServer(nil)
	away.Close()
	for _, endpoint := range []string{c.URL, away.URL} {
		x := proctest.Start(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+endpoint, "OTEL_BSP_SCHEDULE_DELAY=3600000")
		e := dial(ctx, t, client.Config{URL: x.URL(), Room: newRoom(), Source: client.Extension, Plain: true})
		wait[client.Connected](e)
		waitFor(ctx, t, "its session", func() bool { return x.Metric("rejoin_connects_total") == 1 })
		e.Abort()
		x.Terminate()
		if err := x.Wait(ctx); err != nil {
			t.Error(err)
		}
		if endpoint == c.URL {
			c.await(ctx, "the connection", func(s span) bool { return s.GetName() == "connect" })
		}
	}
}
