package logs

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"time"
)

// Logger returns a logger that writes to the Pipe; format is text or json. From then on, notices of dropped lines have that format too,
// whatever the level.
func (p *Pipe) Logger(format string, level slog.Level) *slog.Logger {
	p.mu.Lock()
	p.notice = func(dropped uint64) []byte {
		var line bytes.Buffer
		r := slog.NewRecord(time.Now(), slog.LevelWarn, "log lines dropped: its reader was slow or away", 0)
		r.AddAttrs(slog.Uint64("lines", dropped))
		_ = handler(&line, format, slog.LevelWarn).Handle(context.Background(), r) // to memory
		return line.Bytes()
	}
	p.mu.Unlock()
	return slog.New(handler(p, format, level))
}

func handler(w io.Writer, format string, level slog.Level) slog.Handler {
	opt := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.NewJSONHandler(w, opt)
	}
	return slog.NewTextHandler(w, opt)
}
