// Package demo holds two pages. On the first, two browsers become extension and wallet, open a WebRTC data channel through a signaling
// server, and show what happens to their offers, answers and candidates while sockets are cut. On the other, room.html, up to eight draw on one
// board as equals, over data channels of a full mesh.
//
//	src/, static/ ──npm run build──► dist/ (committed, embedded) ──Handler──► /demo/
//	                                                     config.json ──┘
//
// The pages stand on web/client and have no other dependency at run time; what they need is in dist.
package demo
