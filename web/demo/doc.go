// Package demo holds three pages. On the first, two browsers become extension and wallet, open a WebRTC data channel through a signaling
// server, and show what happens to their offers, answers and candidates while sockets are cut. On the second, room.html, up to eight draw on one
// board as equals, over data channels of a full mesh. The third, peerjs.html, has the same board as an application of npm peerjs.
//
//	src/, static/ ──npm run build──► dist/ (committed, embedded) ──Handler──► /demo/
//	                                                     config.json ──┘
//
// Two pages stand on web/client, the third on npm peerjs. What they need is in dist, with its licenses in licenses.txt.
package demo
