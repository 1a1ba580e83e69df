package suite

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// sequence is a group of texts, each a message and a case of its own. The bytes are those of Markus Kuhn's stress
// test for UTF-8 decoders.
type sequence struct {
	section int // 6.<section>; the cases of a section are counted through its groups
	sent    string
	valid   bool
	texts   []string // bytes in hexadecimal
}

// sequences are sections 6.5 to 6.23.
func sequences() []Case {
	var cases []Case
	count := map[int]int{}
	for _, group := range slices.Concat(validSequences(), boundaries(), incomplete(), overlong(), surrogates()) {
		for _, digits := range group.texts {
			raw, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
			if err != nil {
				panic(err) // the table is wrong
			}
			count[group.section]++
			c := bad(fmt.Sprintf("6.%d.%d", group.section, count[group.section]), group.sent+": "+shown(digits), notUTF8, list(text(string(raw))))
			if group.valid {
				c.end, c.want = open, echoes(string(raw))
			}
			cases = append(cases, c)
		}
	}
	return cases
}

// shown shortens long sequences.
func shown(digits string) string {
	const most = 34
	if len(digits) <= most {
		return digits
	}
	return fmt.Sprintf("%s… (%d bytes)", digits[:most/2], len(strings.ReplaceAll(digits, " ", ""))/2)
}

func validSequences() []sequence {
	groups := []sequence{{5, "a character between words", true, []string{
		"68656c6c6f 24 776f726c64", "68656c6c6f c2a2 776f726c64", "68656c6c6f e282ac 776f726c64", "68656c6c6f f0a4ada2 776f726c64",
		hex.EncodeToString([]byte(kosme)),
	}}}
	ends := map[int]bool{}
	for at := range kosme {
		ends[at] = true
	}
	for n := 1; n <= len(kosme); n++ {
		groups = append(groups, sequence{6, fmt.Sprintf("first %d bytes of a word", n), ends[n] || n == len(kosme), []string{hex.EncodeToString([]byte(kosme[:n]))}})
	}
	return groups
}

func boundaries() []sequence {
	return []sequence{
		{7, "first of its length", true, []string{"00", "c280", "e0a080", "f0908080"}},
		{8, "first of its length, beyond Unicode", false, []string{"f888808080", "fc8480808080"}},
		{9, "last of its length", true, []string{"7f", "dfbf", "efbfbf", "f48fbfbf"}},
		{10, "last of its length, beyond Unicode", false, []string{"f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"}},
		{11, "at a boundary", true, []string{"ed9fbf", "ee8080", "efbfbd", "f48fbfbf"}},
		{11, "behind the last boundary", false, []string{"f4908080"}},
	}
}

func incomplete() []sequence {
	var continuations strings.Builder
	for b := 0x80; b <= 0xbf; b++ {
		fmt.Fprintf(&continuations, "%02x", b)
	}
	starts := func(first, last byte) string {
		var all strings.Builder
		for b := first; b <= last; b++ {
			fmt.Fprintf(&all, "%02x20", b)
		}
		return all.String()
	}
	shorts := []string{
		"c0", "e080", "f08080", "f8808080", "fc80808080", "df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf",
	}
	return []sequence{
		{12, "continuation bytes alone", false, []string{
			"80", "bf", "80bf", "80bf80", "80bf80bf", "80bf80bf80", "80bf80bf80bf", continuations.String(),
		}},
		{13, "start bytes alone", false, []string{
			starts(0xc0, 0xdf), starts(0xe0, 0xef), starts(0xf0, 0xf7), starts(0xf8, 0xfb), starts(0xfc, 0xfd),
		}},
		{14, "last byte missing", false, shorts},
		{15, "all of these in a row", false, []string{strings.Join(shorts, "")}},
		{16, "bytes that never occur", false, []string{"fe", "ff", "fefeffff"}},
	}
}

func overlong() []sequence {
	return []sequence{
		{17, "overlong slash", false, []string{"c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"}},
		{18, "longest overlong", false, []string{"c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"}},
		{19, "overlong NUL", false, []string{"c080", "e08080", "f0808080", "f880808080", "fc8080808080"}},
	}
}

func surrogates() []sequence {
	var nonCharacters []string
	for plane := range rune(17) {
		for _, last := range []rune{0xfffe, 0xffff} {
			nonCharacters = append(nonCharacters, hex.EncodeToString([]byte(string(plane<<16|last))))
		}
	}
	return []sequence{
		{20, "surrogate", false, []string{"eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"}},
		{21, "pair of surrogates", false, []string{
			"eda080edb080", "eda080edbfbf", "edadbfedb080", "edadbfedbfbf", "edae80edb080", "edae80edbfbf", "edafbfedb080", "edafbfedbfbf",
		}},
		{22, "code point that is no character", true, nonCharacters},
		{23, "special", true, []string{"efbfb9", "efbfba", "efbfbb", "efbfbc", "efbfbd", "efbfbe", "efbfbf"}},
	}
}
