package streams

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The words of a member's record, as in parse of lua/lib.lua.
const (
	fieldRole = iota
	fieldDialect
	fieldKeep
	fieldState
	fieldInstance
	fieldSession
	fieldEpoch
	fieldJoined
	fieldAttached
	fieldDue
	fieldToken
	fieldPrevious
	fieldCount
)

var errRecord = errors.New("a room whose records this version cannot read")

// parseRoom reads a room's hash. leased are the instances whose lease lives, now is the time of Redis.
func parseRoom(hash map[string]string, leased map[string]bool, now time.Time) (r RoomState, err error) {
	r.Version, _ = strconv.ParseUint(hash["v"], 10, 64)
	for name, text := range hash {
		if len(name) != clientLen { // another field of a member, or of the room
			continue
		}
		m, err := parseRecord(name, text, now)
		if err != nil {
			return r, err
		}
		m.Leased = leased[m.Instance]
		if m.WaitingBytes, m.Waiting, m.Last, err = parseHot(hash["#"+name]); err != nil {
			return r, err
		}
		r.Members = append(r.Members, m)
	}
	slices.SortFunc(r.Members, func(a, b MemberState) int {
		if c := a.Attached.Compare(b.Attached); c != 0 {
			return c
		}
		return strings.Compare(a.Client, b.Client)
	})
	return r, nil
}

func parseRecord(client, record string, now time.Time) (m MemberState, err error) {
	w := strings.Fields(record) // of a later version perhaps more than fieldCount
	if len(w) < fieldCount || len(w[fieldDialect]) != 1 {
		return m, errRecord
	}
	m = MemberState{
		Client: client, Role: w[fieldRole], Dialect: w[fieldDialect][0], Keep: w[fieldKeep] == "1",
		Suspended: w[fieldState] == "S", Instance: w[fieldInstance],
	}
	var at, due int64
	var errs [3]error
	m.Epoch, errs[0] = strconv.ParseUint(w[fieldEpoch], 10, 64)
	at, errs[1] = strconv.ParseInt(w[fieldAttached], 10, 64)
	due, errs[2] = strconv.ParseInt(w[fieldDue], 10, 64)
	if errors.Join(errs[:]...) != nil {
		return m, errRecord
	}
	for _, later := range w[fieldCount:] {
		if word, ok := strings.CutPrefix(later, "u="); ok {
			m.User = userOf(word)
		}
	}
	m.Attached = time.UnixMilli(at)
	if m.Suspended {
		m.Left = time.UnixMilli(due).Sub(now)
	}
	return m, nil
}

// userWord is a user as one word of a record, '-' for none.
func userWord(user string) string {
	if user == "" {
		return "-"
	}
	return base64.RawURLEncoding.EncodeToString([]byte(user))
}

// userOf reads the output of userWord; malformed text means no user.
func userOf(word string) string {
	if word == "-" {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(word)
	if err != nil {
		return ""
	}
	return string(text)
}

// parseHot reads the part of a mailbox that changes with every message, "" if there was none yet.
func parseHot(text string) (bytes int64, count int, last EntryID, err error) {
	if text == "" {
		return 0, 0, EntryID{}, nil
	}
	w := strings.Fields(text)
	if len(w) != 3 {
		return 0, 0, EntryID{}, errRecord
	}
	var errs [3]error
	bytes, errs[0] = strconv.ParseInt(w[0], 10, 64)
	count, errs[1] = strconv.Atoi(w[1])
	last, errs[2] = parseEntryID(w[2])
	if errors.Join(errs[:]...) != nil {
		return 0, 0, EntryID{}, errRecord
	}
	return bytes, count, last, nil
}
