//go:build unix && (!linux || gnet)

package edge

import (
	"context"
	"fmt"
	"log/slog"
)

// engineLog passes gnet's log lines on. Its messages are prose with the values inside, so they become a value
// here.
type engineLog struct{ log *slog.Logger }

func (l engineLog) Debugf(format string, args ...any) { l.debug(format, args) }

// Infof is debug here: gnet announces itself.
func (l engineLog) Infof(format string, args ...any) { l.debug(format, args) }

// Warnf is debug here: it is about events of sockets that have just been closed.
func (l engineLog) Warnf(format string, args ...any) { l.debug(format, args) }

func (l engineLog) Errorf(format string, args ...any) {
	l.log.Error("event loop", "detail", fmt.Sprintf(format, args...))
}

// Fatalf does not end the process: that is not for a library to decide.
func (l engineLog) Fatalf(format string, args ...any) { l.Errorf(format, args...) }

func (l engineLog) debug(format string, args []any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("event loop", "detail", fmt.Sprintf(format, args...))
	}
}
