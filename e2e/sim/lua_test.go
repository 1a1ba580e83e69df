package sim_test

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

// engine runs scripts. It does what miniredis does for EVALSHA, whose Lua state is new for each call and costs ten times as
// much as all the rest of a call. It belongs to the world's goroutine.
type engine struct {
	state  *lua.LState
	caller *scripting // whose script runs
}

// scripting is a script under way at a node.
type scripting struct {
	node   *node
	asking bool
	wrote  bool
	deny   string // unless empty, the error of every write
}

var protos sync.Map // source → *lua.FunctionProto

func compile(source string) (*lua.FunctionProto, error) {
	if p, ok := protos.Load(source); ok {
		return p.(*lua.FunctionProto), nil
	}
	chunk, err := parse.Parse(strings.NewReader(source), "user_script")
	if err != nil {
		return nil, err
	}
	p, err := lua.Compile(chunk, "user_script")
	if err != nil {
		return nil, err
	}
	protos.Store(source, p)
	return p, nil
}

func newEngine() *engine {
	e := &engine{state: lua.NewState(lua.Options{SkipOpenLibs: true})}
	for _, lib := range []struct {
		name string
		open lua.LGFunction
	}{
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
		{lua.StringLibName, lua.OpenString},
		{lua.MathLibName, lua.OpenMath},
	} {
		e.state.Push(e.state.NewFunction(lib.open))
		e.state.Push(lua.LString(lib.name))
		e.state.Call(1, 0)
	}
	mod := e.state.NewTable()
	mod.RawSetString("call", e.state.NewFunction(func(l *lua.LState) int { return e.call(l, true) }))
	mod.RawSetString("pcall", e.state.NewFunction(func(l *lua.LState) int { return e.call(l, false) }))
	mod.RawSetString("error_reply", e.state.NewFunction(func(l *lua.LState) int {
		t := l.NewTable()
		t.RawSetString("err", lua.LString(l.CheckString(1)))
		l.Push(t)
		return 1
	}))
	mod.RawSetString("status_reply", e.state.NewFunction(func(l *lua.LState) int {
		t := l.NewTable()
		t.RawSetString("ok", lua.LString(l.CheckString(1)))
		l.Push(t)
		return 1
	}))
	e.state.SetGlobal("redis", mod)
	strict := e.state.NewTable()
	strict.RawSetString("__newindex", e.state.NewFunction(func(l *lua.LState) int {
		l.Error(lua.LString("ERR Attempt to modify a readonly table: "+l.CheckString(2)), 0)
		return 0
	}))
	e.state.SetMetatable(e.state.G.Global, strict)
	return e
}

// eval runs a script and returns the reply as it goes over the wire.
func (e *engine) eval(s *scripting, source string, keys, argv []string) string {
	proto, err := compile(source)
	if err != nil {
		return "-ERR Error compiling script (new function): " + oneLine(err.Error()) + "\r\n"
	}
	e.caller = s
	e.state.G.Global.RawSetString("KEYS", e.list(keys))
	e.state.G.Global.RawSetString("ARGV", e.list(argv))
	e.state.Push(e.state.NewFunctionFromProto(proto))
	if err := e.state.PCall(0, 1, nil); err != nil {
		e.state.SetTop(0)
		text := err.Error()
		if api := (*lua.ApiError)(nil); errors.As(err, &api) && api.Object != lua.LNil && api.Object != nil {
			text = api.Object.String()
			if t, ok := api.Object.(*lua.LTable); ok {
				text = t.RawGetString("err").String()
			}
		}
		if !strings.Contains(text, " ") || strings.HasPrefix(text, "user_script") {
			text = "ERR " + text
		}
		return "-" + oneLine(text) + " script: 0, on @user_script:1.\r\n"
	}
	var b strings.Builder
	writeLua(&b, e.state.Get(-1))
	e.state.SetTop(0)
	return b.String()
}

func oneLine(s string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(s) }

func (e *engine) list(items []string) *lua.LTable {
	t := e.state.CreateTable(len(items), 0)
	for i, s := range items {
		t.RawSetInt(i+1, lua.LString(s))
	}
	return t
}

func (e *engine) call(l *lua.LState, raise bool) int {
	args := make([]string, l.GetTop())
	for i := range args {
		switch a := l.Get(i + 1).(type) {
		case lua.LNumber:
			if f := float64(a); f == float64(int64(f)) {
				args[i] = strconv.FormatInt(int64(f), 10)
			} else {
				args[i] = strconv.FormatFloat(f, 'g', 17, 64)
			}
		case lua.LString:
			args[i] = string(a)
		default:
			l.Error(lua.LString("ERR Lua redis lib command arguments must be strings or integers"), 0)
			return 0
		}
	}
	raw := e.caller.nested(args)
	if raw[0] == '-' {
		text := lua.LString(raw[1 : len(raw)-2])
		if raise {
			l.Error(text, 0)
			return 0
		}
		t := l.NewTable()
		t.RawSetString("err", text)
		l.Push(t)
		return 1
	}
	v, _ := toLua(l, raw)
	l.Push(v)
	return 1
}

// toLua reads a reply as Redis gives it to a script, and returns what is behind it.
func toLua(l *lua.LState, b []byte) (lua.LValue, []byte) {
	end := bytes.Index(b, []byte("\r\n"))
	head, rest := b[1:end], b[end+2:]
	switch b[0] {
	case '+':
		t := l.NewTable()
		t.RawSetString("ok", lua.LString(head))
		return t, rest
	case ':':
		n, _ := strconv.ParseInt(string(head), 10, 64)
		return lua.LNumber(n), rest
	case '$':
		n, _ := strconv.Atoi(string(head))
		if n < 0 {
			return lua.LFalse, rest
		}
		return lua.LString(rest[:n]), rest[n+2:]
	case '*':
		n, _ := strconv.Atoi(string(head))
		if n < 0 {
			return lua.LFalse, rest
		}
		t := l.CreateTable(n, 0)
		for i := range n {
			var v lua.LValue
			v, rest = toLua(l, rest)
			t.RawSetInt(i+1, v)
		}
		return t, rest
	}
	panic(fmt.Sprintf("a reply that begins with %q", b[0]))
}

func writeLua(b *strings.Builder, v lua.LValue) {
	switch v := v.(type) {
	case lua.LBool:
		if v {
			b.WriteString(":1\r\n")
		} else {
			b.WriteString("$-1\r\n")
		}
	case lua.LNumber:
		fmt.Fprintf(b, ":%d\r\n", int64(v))
	case lua.LString:
		writeBulk(b, string(v))
	case *lua.LTable:
		if err := v.RawGetString("err"); err != lua.LNil {
			b.WriteString("-" + oneLine(err.String()) + "\r\n")
			return
		}
		if ok := v.RawGetString("ok"); ok != lua.LNil {
			b.WriteString("+" + oneLine(ok.String()) + "\r\n")
			return
		}
		n := v.Len() // up to the first nil
		for i := 1; i <= n; i++ {
			if v.RawGetInt(i) == lua.LNil {
				n = i - 1
			}
		}
		fmt.Fprintf(b, "*%d\r\n", n)
		for i := 1; i <= n; i++ {
			writeLua(b, v.RawGetInt(i))
		}
	default:
		b.WriteString("$-1\r\n")
	}
}

func writeBulk(b *strings.Builder, s string) {
	b.WriteByte('$')
	b.WriteString(strconv.Itoa(len(s)))
	b.WriteString("\r\n")
	b.WriteString(s)
	b.WriteString("\r\n")
}
