// Package demo is a page on which two browsers become extension and wallet, open a WebRTC data channel through a signaling
// server, and show what happens to their offers, answers and candidates while sockets are cut.
//
//	src/, static/ ──npm run build──► dist/ (committed, embedded) ──Handler──► /demo/
//	                                                     config.json ──┘
//
// The page stands on web/client and has no other dependency at run time; what it needs is in dist.
package demo
