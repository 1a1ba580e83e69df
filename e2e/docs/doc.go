// Package docs does what the documentation tells its readers to do. Its tests read every Markdown file of the repository:
//
//	each line of a ```sh block ──► typed here, by a play against real processes      plays_test.go
//	                           ├─► or run by a script, which has to hold it          elsewhere_test.go
//	                           └─► or known to need an account of a cloud            elsewhere_test.go
//	each link and anchor ────────► leads somewhere                                   links_test.go
//	each command in a sentence ──► names something that exists                       sentences_test.go
//
// Ports and addresses are put in place of those on the page when a line is typed, nothing else.
package docs
