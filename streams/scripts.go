package streams

import (
	"context"
	"embed"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/streams/internal/pipeline"
)

//go:embed lua/*.lua
var luaFiles embed.FS

func luaFile(name string) string {
	b, err := luaFiles.ReadFile("lua/" + name + ".lua")
	if err != nil {
		panic(err) // embedded at build time
	}
	return string(b)
}

// loadScript puts the needed parts of the preludes in front of lua/<name>.lua.
func loadScript(name, prelude string) *pipeline.Script {
	linked := link(prelude, luaFile(name))
	text := func(cluster bool) pipeline.Text { return pipeline.NewText(clusterLine(cluster) + linked) }
	return &pipeline.Script{Name: name, Single: text(false), Cluster: text(true)}
}

func clusterLine(cluster bool) string { return fmt.Sprintf("local CLUSTER = %t\n", cluster) }

var (
	// late is a line put before lib.lua, and before scripts that read the same lists without it.
	late    = "local LATE = string.rep('!', 36) .. '0000000'\n"
	lib     = late + luaFile("lib")
	session = lib + luaFile("session")

	joinScript        = loadScript("join", session)
	resumeScript      = loadScript("resume", session)
	restoreScript     = loadScript("restore", session)
	undoScript        = loadScript("undo", lib)
	suspendDeadScript = loadScript("suspend_dead", lib)
	detachScript      = loadScript("detach", lib)
	leaveScript       = loadScript("leave", lib)
	aliveScript       = loadScript("alive", lib)
	ackScript         = loadScript("ack", lib)
	syncScript        = loadScript("sync", lib)
	claimsScript      = loadScript("claims", lib)
	tallyScript       = loadScript("tally", lib)
	overdueScript     = loadScript("overdue", lib)
	claimScript       = loadScript("claim", session)
	toldScript        = loadScript("told", late)
	leaseScript       = loadScript("lease", "")

	removeScript = loadScript("remove", lib)
	noticeScript = loadScript("notice", lib)

	revocationsScript = loadScript("revocations", "")
	peersScript       = loadScript("peers", "")

	// scripts are all except those that contain settings: see ownTexts.
	scripts = []*pipeline.Script{
		joinScript, resumeScript, restoreScript, undoScript, suspendDeadScript, detachScript, leaveScript, aliveScript, ackScript, syncScript,
		claimsScript, tallyScript, overdueScript, toldScript, leaseScript, revocationsScript, removeScript, noticeScript, claimScript, peersScript,
	}
	sendScript = &pipeline.Script{Name: "send", Own: 1}
	postScript = &pipeline.Script{Name: "post", Own: 2}
)

func scriptNames() (names []string) {
	for _, s := range append(scripts, sendScript, postScript) {
		names = append(names, s.Name)
	}
	return names
}

// ownTexts puts the settings into the scripts that store messages: as arguments they would be parsed for every message. generation is a Lua
// expression that differs from primary to primary. As part of the text it is part of the script's hash, so that no primary runs a send
// meant for another.
func ownTexts(o Options, cluster bool, generation string) []pipeline.Text {
	head := fmt.Sprintf("%slocal MOST_ENTRIES, MOST_BYTES, MOST_RUNG = %d, %d, %d\nlocal GENERATION = %s\n",
		clusterLine(cluster), o.MailboxEntries, o.MailboxBytes, bellBytes, generation)
	return []pipeline.Text{
		pipeline.NewText(head + luaFile("send")),
		pipeline.NewText(head + luaFile("post_live") + link(lib, luaFile("post"))),
	}
}

// ownScripts makes them for the primary at conn. nil means all primaries of a cluster, whose generation does not need INFO: in a script,
// that would cost more than all the rest.
func (b *Backbone) ownScripts(ctx context.Context, conn *redis.Conn) ([]pipeline.Text, error) {
	switch {
	case b.local != nil:
		return ownTexts(b.opt, false, "''"), nil
	case conn == nil:
		return ownTexts(b.opt, true, "redis.call('CLUSTER', 'MYID')"), nil
	}
	info, err := conn.Info(ctx, "server").Result()
	if err != nil && !unknownCommand(err) { // the embedded Redis of another process does not know it
		return nil, fmt.Errorf("read run ID: %w", err)
	}
	return ownTexts(b.opt, false, "'"+infoField(info, "run_id")+"'"), nil
}

// unknownCommand reports whether Redis does not know the command, or forbids it.
func unknownCommand(err error) bool {
	var reply redis.Error
	if err == nil || !asReply(err, &reply) {
		return false
	}
	msg := reply.Error()
	return strings.HasPrefix(msg, "ERR unknown") || strings.HasPrefix(msg, "section (") || strings.HasPrefix(msg, "NOPERM") ||
		strings.HasPrefix(msg, "ERR wrong number") || strings.HasPrefix(msg, "ERR This instance has cluster support disabled")
}

// infoField finds a field in the reply of INFO.
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
