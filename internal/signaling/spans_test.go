package signaling_test

import (
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/streams"
)

// However a connect ends, so does its span.
func TestEverySpanOfAConnectEnds(t *testing.T) {
	t.Parallel()
	answer := func(a streams.Attached, err error) func(*signaling.Hub, *scripted, dialer) {
		return func(hub *signaling.Hub, b *scripted, d dialer) {
			b.attach = func(streams.Attach) (streams.Attached, error) { return a, err }
			d.dial(b.tb, hub)
		}
	}
	for name, connect := range map[string]func(hub *signaling.Hub, b *scripted, d dialer){
		"attached":  func(hub *signaling.Hub, b *scripted, d dialer) { d.dial(b.tb, hub) },
		"room full": answer(streams.Attached{Verdict: streams.RoomFull}, nil),
		"failed":    answer(streams.Attached{}, streams.ErrUnavailable),
		"nonsense":  answer(streams.Attached{Verdict: streams.Fresh, Client: "x"}, nil),
		"contested, and gone meanwhile": func(hub *signaling.Hub, b *scripted, d dialer) {
			b.attach = func(streams.Attach) (streams.Attached, error) {
				return streams.Attached{Verdict: streams.Contested, Nonce: nonce, Contested: []streams.SessionRef{{Client: newID()}}}, nil
			}
			b.shut()
			d.dial(b.tb, hub).lose()
			b.open()
		},
		"gone while probed": func(hub *signaling.Hub, b *scripted, d dialer) {
			b.attach = func(streams.Attach) (streams.Attached, error) {
				return streams.Attached{Verdict: streams.Contested, Nonce: nonce, Contested: []streams.SessionRef{{Client: newID()}}}, nil
			}
			c := d.dial(b.tb, hub)
			time.Sleep(time.Millisecond)
			c.lose()
		},
		"sent away while attaching": func(hub *signaling.Hub, b *scripted, d dialer) {
			b.shut()
			d.dial(b.tb, hub)
			go hub.Drain(b.tb.Context(), time.Second)
			time.Sleep(time.Millisecond)
			b.open()
		},
		"after the drain": func(hub *signaling.Hub, b *scripted, d dialer) {
			hub.Drain(b.tb.Context(), time.Second)
			d.dial(b.tb, hub)
		},
	} {
		t.Run(name, func(t *testing.T) {
			spans := tracetest.NewSpanRecorder()
			bubble(t, func(t *testing.T, hub *signaling.Hub, b *scripted) {
				connect(hub, b, wallet(newRoom()))
				pass(time.Minute)
				if started, ended := len(spans.Started()), len(spans.Ended()); started == 0 || ended != started {
					t.Errorf("%d spans were begun, %d ended", started, ended)
				}
			}, func(cfg *signaling.Config) {
				cfg.Tracer = sdk.NewTracerProvider(sdk.WithSpanProcessor(spans)).Tracer("test")
			})
		})
	}
}
