package signaling_test
import ("testing";"runtime";"github.com/rejoin-dev/rejoin/internal/wire";"github.com/rejoin-dev/rejoin/streams")
func TestZZ(t *testing.T){
 for _, rj := range []bool{false,true} {
 var m0,m1 runtime.MemStats
 keep := make([]any,0,20000)
 h := newBench(wallet(newRoom()))
 runtime.GC();runtime.ReadMemStats(&m0)
 for range 20000 { d:=wallet(newRoom()); if rj {d=d.rejoin()}
  x:=h; x.session=x.hub.Open(x.conn, wireConnect(d), offerOf(d)); x.sink.attached(attachedWith(x.sink.client), nil); keep=append(keep,x.session) }
 runtime.GC();runtime.ReadMemStats(&m1)
 t.Log(rj,(m1.HeapAlloc-m0.HeapAlloc)/20000); runtime.KeepAlive(keep) } }
func wireConnect(d dialer) wire.Connect { return wire.Connect{Room:d.room,Source:d.role} }
func offerOf(d dialer) wire.Offer { return wire.ParseSubprotocols(d.subprotocols) }
func attachedWith(c string) streams.Attached { return streams.Attached{Verdict: streams.Fresh, Client: c, Epoch: testEpoch, Version: 1, Peers: []streams.Peer{peerOf(newID())}} }
