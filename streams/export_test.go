package streams

import "github.com/rejoin-dev/rejoin/streams/internal/pipeline"

// EmbeddedURL returns where the embedded Redis of b listens, so that a test can have a second instance on it.
func EmbeddedURL(b *Backbone) string { return "redis://" + b.local.server.Addr() }

// RingSize is how many sends of a sender are remembered.
const RingSize = pipeline.RingSize
