// Package report holds what a load test found: the JSON of a run, the table for the terminal, and the markdown and plots that
// are made of many runs.
//
//	scenario ──► File ──► JSON ──┐
//	               └──► table    ├──► Load ──► report.md, *.svg
//	                  other runs ┘
package report
