package streams

import "testing"

func TestScriptsGetWhatTheyUseOfAPrelude(t *testing.T) {
	const prelude = `-- The prelude.
local A, B = 1, 2
local function f(x)
  -- twice
  return x * B
end

local function g() return f(A) end
local unused = string.rep('=', 36)
local later
if B then
  later = g
end
`
	for name, c := range map[string]struct{ script, want string }{
		"all": {"return g() -- and so on\n", `local A, B = 1, 2
local function f(x)
  return x * B
end
local function g() return f(A) end
local later
if B then
  later = g
end
return g() -- and so on
`},
		"what a statement without a name uses": {"return 1", `local A, B = 1, 2
local function f(x)
  return x * B
end
local function g() return f(A) end
local later
if B then
  later = g
end
return 1`},
	} {
		if got := link(prelude, c.script); got != c.want {
			t.Errorf("%s:\n%s", name, got)
		}
	}
	if got := link("local A, B = 1, 2\nlocal C = A\nlocal function f() return C end\nlocal D = f\n", "return B"); got != "local A, B = 1, 2\nreturn B" {
		t.Errorf("kept %q", got)
	}
}
