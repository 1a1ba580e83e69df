// Package origin decides which web pages may connect. Origins are compared as the WHATWG URL standard serialises them
// (https://url.spec.whatwg.org/#origin): what an operator writes and what a browser sends are brought into that form first.
package origin
