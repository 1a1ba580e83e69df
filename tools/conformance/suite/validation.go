package suite

import "strings"

func validationChecks() []check {
	return []check{
		{"validation: not JSON", "P6.1 P6.8", noJSON},
		{"validation: not an object", "P6.2 P6.7 P6.8", noObject},
		{"validation: missing fields and wrong types, in order", "P6.2 P6.3 P6.4 P6.5", wrongTypes},
		{"validation: method and source", "P6.2 P6.3 P6.6", wrongLiterals},
	}
}

// refusals sends each text and wants exactly that answer; the connection has to stay usable.
func (p *probe) refusals(cases [][2]string) {
	s, _ := p.rejoin(p.b, wallet)
	for _, s := range []*socket{p.plain(p.a, wallet), s} {
		s.refusals(cases)
	}
}

func (s *socket) refusals(cases [][2]string) {
	for _, c := range cases {
		s.text(c[0])
		if got := s.next(); got != c[1] {
			s.p.fail("%s\ngot  %s\nwant %s", c[0], got, c[1])
		}
	}
	s.settled()
}

func noJSON(p *probe) {
	const tail = `,"error":"invalid message format, expected JSON"}`
	var cases [][2]string
	for text, echo := range map[string]string{
		"": `""`, "hello": `"hello"`, `{"a":1,}`: `"{\"a\":1,}"`, "{'a':1}": `"{'a':1}"`, "<&>\u2028é\t\x01/": "\"<&>\u2028é\\t\\u0001/\"",
		`{"a":01}`: `"{\"a\":01}"`, "{}{}": `"{}{}"`, "NaN": `"NaN"`,
	} {
		cases = append(cases, [2]string{text, `{"info":"invalidMessageError","data":` + echo + tail})
	}
	p.refusals(cases)
}

func noObject(p *probe) {
	var cases [][2]string
	for text, kind := range map[string]string{"null": "null", "[]": "array", "7": "number", `"x"`: "string", "true": "boolean", " [ {} ] ": "array"} {
		cases = append(cases, [2]string{text, `{"info":"validationError","error":[{"code":"invalid_type","expected":"object","received":"` +
			kind + `","path":[],"message":"Expected object, received ` + kind + `"}]}`})
	}
	p.refusals(cases)
}

// wrongType is the issue of a field that is absent ("undefined") or has the wrong type.
func wrongType(field, expected, received string) string {
	text := "Expected " + expected + ", received " + received
	if received == "undefined" {
		text = "Required"
	}
	return `{"code":"invalid_type","expected":"` + expected + `","received":"` + received + `","path":["` + field + `"],"message":"` + text + `"}`
}

func wrongLiteral(field string, allowed ...string) string {
	var union []string
	for _, a := range allowed {
		union = append(union, `{"issues":[{"code":"invalid_literal","expected":"`+a+`","path":["`+field+
			`"],"message":"Invalid literal value, expected \"`+a+`\""}],"name":"ZodError"}`)
	}
	return `{"code":"invalid_union","unionErrors":[` + strings.Join(union, ",") + `],"path":["` + field + `"],"message":"Invalid input"}`
}

func wrongMethod() string {
	return wrongLiteral("method", "offer", "answer", "iceCandidate", "iceCandidates")
}

func invalid(requestID string, issues ...string) string {
	if requestID != "" {
		requestID = `"requestId":` + requestID + `,`
	}
	return `{"info":"validationError",` + requestID + `"error":[` + strings.Join(issues, ",") + `]}`
}

func wrongTypes(p *probe) {
	p.refusals([][2]string{
		{`{"method":"offer","encryptedPayload":"e","targetClientId":"t"}`, invalid("", wrongType("requestId", "string", "undefined"))},
		{`{"requestId":7,"method":"offer","encryptedPayload":"e","targetClientId":"t"}`, invalid("7", wrongType("requestId", "string", "number"))},
		{`{"requestId":null,"method":"offer","encryptedPayload":"e","targetClientId":"t"}`, invalid("null", wrongType("requestId", "string", "null"))},
		{`{"requestId":{"a":[1, 2]},"method":"offer","encryptedPayload":"e","targetClientId":"t"}`, invalid(`{"a":[1,2]}`, wrongType("requestId", "string", "object"))},
		{
			`{"requestId":"r","method":"offer","connectionId":null,"encryptedPayload":true,"targetClientId":[],"startAt":"1"}`,
			invalid(`"r"`, wrongType("connectionId", "string", "null"), wrongType("encryptedPayload", "string", "boolean"),
				wrongType("targetClientId", "string", "array"), wrongType("startAt", "number", "string")),
		},
	})
	p.plain(p.a, wallet).refusals([][2]string{
		{
			`{}`,
			invalid("", wrongType("requestId", "string", "undefined"), wrongType("encryptedPayload", "string", "undefined"),
				wrongType("targetClientId", "string", "undefined"), wrongMethod()),
		},
	})
}

func wrongLiterals(p *probe) {
	source := wrongLiteral("source", "wallet", "extension")
	rest := `,"encryptedPayload":"e","targetClientId":"t"}`
	p.plain(p.a, wallet).refusals([][2]string{
		{`{"requestId":"r"` + rest, invalid(`"r"`, wrongMethod())},
		{`{"requestId":"r","method":"Offer"` + rest, invalid(`"r"`, wrongMethod())},
		{`{"requestId":"r","method":"offer","source":"phone"` + rest, invalid(`"r"`, source)},
		{`{"source":null,"requestId":"r","method":5` + rest, invalid(`"r"`, wrongMethod(), source)},
	})
}
