package bindings

import (
	"regexp"
	"strings"
)

// module is one directory of the package: a resource with the classes of its nested objects.
type module struct {
	classes map[string]*class            // by name
	inputs  map[string]map[string]*input // arguments as they are written in HCL, by class and name

	// While lines are read.
	class  *class
	member *member
	group  map[string]*input
	input  *input
}

// class is a nested object, or the resource itself.
type class struct {
	name, kind      string // kind: what it extends, like ComplexObject
	terraform       string // aws_ecs_service; empty for nested ones
	source, version string // of the provider
	members         []*member
}

// member is an argument or an attribute of a class.
type member struct {
	name                         string
	computed, optional, required bool
	writeOnly                    bool
	getter                       string // String, Number, Boolean, List, NumberList, StringMap, …; empty: none
	set                          bool   // a list that is made of a set
	nested                       string // class of the objects in it
	shape                        string // OutputReference, List or Map: how many there are
}

// input is an argument as it is written in HCL.
type input struct {
	block         bool
	kind, storage string // simple, list, set, map, struct; string, stringMap, or a class
}

func newModule() *module {
	return &module{classes: map[string]*class{}, inputs: map[string]map[string]*input{}}
}

var (
	classLine   = regexp.MustCompile(`^export class (\w+) extends \w+\.(\w+) \{$`)
	typeLine    = regexp.MustCompile(`^  public static readonly tfResourceType = "(\w+)";$`)
	versionLine = regexp.MustCompile(`registry\.terraform\.io/providers/([a-z0-9-]+/[a-z0-9-]+)/(\d[0-9A-Za-z.-]*)/docs`)
	memberLine  = regexp.MustCompile(`^  // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)$`)
	getterLine  = regexp.MustCompile(`this\.get(\w+)Attribute\('(\w+)'\)`)
	nestedLine  = regexp.MustCompile(`^  private \w+ = new (?:\w+\.)?(\w+?)(OutputReference|List|Map)\(this, "(\w+)"(?:, (true|false))?\);$`)
	inputsLine  = regexp.MustCompile(`^export function (\w+)ToHclTerraform\(`)
	inputLine   = regexp.MustCompile(`^ +"?(\w+)"?: \{$`)
	fieldLine   = regexp.MustCompile(`^ +(isBlock|type|storageClassType): "?(\w+)"?,$`)
)

// read takes in a file.
func (m *module) read(typescript string) {
	m.class, m.member, m.group, m.input = nil, nil, nil, nil
	for text := range strings.Lines(typescript) {
		m.line(strings.TrimSuffix(text, "\n"))
	}
}

func (m *module) line(text string) {
	switch {
	case strings.HasPrefix(text, "export class "):
		m.startClass(text)
	case strings.HasPrefix(text, "export "):
		m.class, m.group = nil, nil
		if found := inputsLine.FindStringSubmatch(text); found != nil {
			m.startInputs(found[1])
		}
	case m.class != nil && strings.HasPrefix(text, "  protected synthesizeHclAttributes()"):
		m.startInputs(m.class.name)
	case m.group != nil:
		m.inputText(text)
	case m.class != nil:
		m.classText(text)
	}
}

func (m *module) startClass(text string) {
	m.class, m.member, m.group = nil, nil, nil
	found := classLine.FindStringSubmatch(text)
	if found == nil || found[2] == "ComplexList" || found[2] == "ComplexMap" {
		return
	}
	m.class = &class{name: strings.TrimSuffix(found[1], "OutputReference"), kind: found[2]}
	m.classes[m.class.name] = m.class
}

func (m *module) startInputs(of string) {
	name := strings.ToUpper(of[:1]) + of[1:]
	m.group, m.input = map[string]*input{}, nil
	m.inputs[name] = m.group
}

func (m *module) inputText(text string) {
	if text == "  };" || text == "    };" {
		m.group = nil
	} else if found := inputLine.FindStringSubmatch(text); found != nil {
		m.input = &input{}
		m.group[found[1]] = m.input
	} else if found := fieldLine.FindStringSubmatch(text); found != nil && m.input != nil {
		switch found[1] {
		case "isBlock":
			m.input.block = found[2] == "true"
		case "type":
			m.input.kind = found[2]
		case "storageClassType":
			m.input.storage = found[2]
		}
	}
}

func (m *module) classText(text string) {
	if found := memberLine.FindStringSubmatch(text); found != nil {
		m.member = &member{name: found[1], computed: found[2] == "true", optional: found[3] == "true", required: found[4] == "true"}
		m.class.members = append(m.class.members, m.member)
		return
	}
	if found := typeLine.FindStringSubmatch(text); found != nil {
		m.class.terraform = found[1]
	}
	if found := versionLine.FindStringSubmatch(text); found != nil && m.class.version == "" {
		m.class.source, m.class.version = found[1], found[2]
	}
	if m.member == nil {
		return
	}
	if found := getterLine.FindStringSubmatch(text); found != nil && found[2] == m.member.name {
		m.member.getter, m.member.set = found[1], strings.Contains(text, "Fn.tolist(")
	}
	if found := nestedLine.FindStringSubmatch(text); found != nil && found[3] == m.member.name {
		m.member.nested, m.member.shape, m.member.set = found[1], found[2], found[4] == "true"
	}
	if strings.Contains(text, "@deprecated Write-only") {
		m.member.writeOnly = true
	}
}
