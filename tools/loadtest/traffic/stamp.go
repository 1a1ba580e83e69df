package traffic

// StampSize is the length of a stamp's text, bytes.
const StampSize = 8 + 1 + 4 + 1 + 12 + 1 + 12

// Stamp is what a requestId says. Its text is hexadecimal: sequence-sender-due-written.
type Stamp struct {
	Seq    uint32 // of the sender, from 0
	Sender uint16
	// Due is when the message should have been sent, Written when it was: nanoseconds on the loop's clock, of which 48 bits are
	// kept. Latency is counted from Due: a generator that is late must not make the server look fast.
	Due, Written int64
}

// AppendText appends the text of s.
func (s Stamp) AppendText(dst []byte) []byte {
	dst = append(appendHex(dst, uint64(s.Seq), 8), '-')
	dst = append(appendHex(dst, uint64(s.Sender), 4), '-')
	dst = append(appendHex(dst, uint64(s.Due), 12), '-')
	return appendHex(dst, uint64(s.Written), 12)
}

// ParseStamp reads the text of a stamp at the front of b, which may be longer.
func ParseStamp(b []byte) (s Stamp, ok bool) {
	if len(b) < StampSize || b[8] != '-' || b[13] != '-' || b[26] != '-' {
		return Stamp{}, false
	}
	seq, ok1 := parseHex(b[:8])
	sender, ok2 := parseHex(b[9:13])
	due, ok3 := parseHex(b[14:26])
	written, ok4 := parseHex(b[27:39])
	return Stamp{uint32(seq), uint16(sender), int64(due), int64(written)}, ok1 && ok2 && ok3 && ok4
}

func appendHex(dst []byte, v uint64, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		dst = append(dst, "0123456789abcdef"[v>>(4*i)&0xf])
	}
	return dst
}

func parseHex(b []byte) (v uint64, ok bool) {
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9':
			v = v<<4 | uint64(c-'0')
		case 'a' <= c && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}
