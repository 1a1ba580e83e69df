// Package origin decides which web pages may connect. Origins are compared as the WHATWG URL standard serialises them
// (https://url.spec.whatwg.org/#origin): what the operator writes and what the browser sends are both converted to that form first.
package origin
