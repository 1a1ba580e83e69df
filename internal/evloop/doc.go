// Package evloop is the event loops under the edge: listeners, sockets that do not block, and the system calls for them. It knows neither
// HTTP nor WebSockets.
//
//	                       any goroutine
//	                             │ Post(task)            Socket.TryWrite
//	                             ▼                              │
//	kernel ──► [Loop] ──► Handler.Do, Handler.Accepted          │
//	  ▲          │                                              │
//	  │          ├──► Conn.Received (bytes)                     │
//	  │          ├──► Conn.Writable ──► Loop.Flush              │
//	  │          └──► Conn.Lost ──────► Loop.Close              │
//	  │                                                         │
//	  └──── Loop.Write: what the kernel does not take is kept ◄─┘
//
// A [Group] has one loop per core that the process may use, each with a listener of its own on the same address (SO_REUSEPORT), so that
// a socket belongs to one loop from the first to the last. All that comes from a socket arrives in that loop, in order, and without
// locks. A loop never closes a socket by itself: it reports Lost, and the connection closes it when nothing needs the descriptor any
// more. Until then the descriptor is not given back, so a late writer cannot reach another client's socket.
//
// # Two engines
//
// On Linux, where servers run, a loop is a goroutine on epoll(7) (epoll.go). The goroutine waits for its epoll instance in the runtime's
// poller, and reads everything into one buffer. A socket costs no goroutine and no buffer.
//
// Elsewhere, and with the build tag portable, a goroutine per socket waits in the runtime's poller and then acts as the loop, under a
// mutex (portable.go). This costs some 5 KB more for each socket and is meant for a developer's machine. Everything else is the same
// code, and scripts/test runs the same tests on both.
//
// # Who owns what
//
//	the loop               everything in a Loop but posted; all methods but Post. With the portable engine the loop is the goroutine
//	                       that holds poller.mu, which comes before every other lock of the program.
//	atomic                 Loop.posted; how many loops of the group have no spare descriptor
//	the caller of Run      the one ticker, which it stops
//	Run                    the goroutines: it returns when they have ended
package evloop
