// Plan says what a number of clients needs, what that costs, what breaks first, and simulates whether it holds.
//
//	go run ./tools/plan -clients 1e6
//
// What things cost is read from docs/performance/*.json, which the load test writes, and prices from terraform/modules/cost/prices.json;
// what clients do and what is to be survived are flags (-h). It runs in the root of the repository. docs/scaling.md holds what it writes.
package main
