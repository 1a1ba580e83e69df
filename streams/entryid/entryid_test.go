package entryid_test

import (
	"testing"

	"github.com/rejoin-dev/rejoin/streams/entryid"
)

func TestParse(t *testing.T) {
	t.Parallel()
	const most = "18446744073709551615"
	for text, want := range map[string]entryid.ID{
		"0-0":             {},
		"0-1":             {Seq: 1},
		"7-12":            {Epoch: 7, Seq: 12},
		"10-100":          {Epoch: 10, Seq: 100},
		most + "-" + most: {Epoch: 1<<64 - 1, Seq: 1<<64 - 1},
	} {
		id, ok := entryid.Parse([]byte(text))
		if !ok || id != want || id.String() != text || string(id.AppendText([]byte(">"))) != ">"+text {
			t.Errorf("Parse(%q) = %v, %v", text, id, ok)
		}
		if id.IsZero() != (text == "0-0") {
			t.Errorf("%s: IsZero is %v", text, id.IsZero())
		}
	}
	for _, text := range []string{
		"", "-", "1", "1-", "-1", "1--1", "-1-1", "+1-1", "1-+1", "01-1", "1-01", "00-0", "1-1 ", " 1-1", "1 -1",
		"1-1-1", "1_1", "0x1-1", "1-a", "1.0-1",
		"18446744073709551616-0", "0-18446744073709551616", "99999999999999999999-0",
		"0-100000000000000000000", "1-1\x00", "١-1", "*", "1-*", "$",
	} {
		if id, ok := entryid.Parse([]byte(text)); ok || !id.IsZero() {
			t.Errorf("Parse(%q) = %v", text, id)
		}
	}
}

func TestIDsCompareByEpochFirst(t *testing.T) {
	t.Parallel()
	rising := []entryid.ID{
		{}, {Seq: 1}, {Seq: 1<<64 - 1}, {Epoch: 1}, {Epoch: 1, Seq: 9}, {Epoch: 1, Seq: 10}, {Epoch: 1<<64 - 1},
	}
	for i, a := range rising {
		for j, b := range rising {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := a.Compare(b); got != want {
				t.Errorf("%v.Compare(%v) = %d", a, b, got)
			}
		}
	}
}
