// Package pipeline carries script calls to Redis: gathered into batches, in order, each answered by its deadline.
//
//	         Put                take                    Exec
//	caller ───────► queue ───────────────► batch ───────────────────► answered
//	                  ▲                      │
//	                  │ the primary is       │ this room has to wait (its slot is moving,
//	                  │ away: all wait       │ or Redis refuses for a reason of its own)
//	                  ├──────────────────────┤
//	                  └────────── parked ◄───┘
//
// There is one worker for each primary: a primary that hangs holds up the rooms it has, and no others. All calls of
// a room go through one worker while any of them is under way, so they keep their order also while their slot moves
// from one primary to another. On a single server there is one worker.
//
// A worker takes the first call, adds what else waits, and makes one round trip. There is no timer: a lone call
// leaves at once, and the longer Redis takes, the more calls share the next round trip.
//
// No list of errors decides what is final. A reply is an answer, and memory that is full (OOM) is told at once;
// everything else is repeated until the call's deadline, because every script may be repeated. An error that speaks
// for the whole server makes all calls wait; any other makes only the calls of its room wait.
//
// The deadline holds whatever happens to the connection: calls are answered by a timer while the round trip that
// carries them is still under way. What such a call did, or does later, is for the scripts to tolerate.
//
// Locks: worker.answering before worker.mu; Pipelines.mu is taken alone. Callbacks run with answering held and may call Put.
package pipeline
