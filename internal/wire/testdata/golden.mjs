// Writes validation.json: what a server that validates with zod 3.17.10 answers to what is no message.
//
//   cd "$(mktemp -d)" && npm i zod@3.17.10
//   cp <repository>/internal/wire/testdata/golden.mjs . && node golden.mjs > validation.json
//
// The output is [{"in": "<raw text>", "out": "<exact reply>"}], one case a line. Only replies are here: what the
// schema accepts has none.
import { z } from 'zod'

const literals = (...names) => z.union(names.map((name) => z.literal(name)))

// In the order of the old schema; parseAsync reports the unions last all the same.
const schema = z.object({
  requestId: z.string(),
  method: literals('offer', 'answer', 'iceCandidate', 'iceCandidates'),
  source: literals('wallet', 'extension').optional(),
  connectionId: z.string().optional(),
  encryptedPayload: z.string(),
  targetClientId: z.string(),
  startAt: z.number().optional(),
})

async function reply(raw) {
  let parsed
  try {
    parsed = JSON.parse(raw)
  } catch {
    return JSON.stringify({
      info: 'invalidMessageError',
      data: raw,
      error: 'invalid message format, expected JSON',
    })
  }
  try {
    await schema.parseAsync(parsed)
    return undefined
  } catch (error) {
    return JSON.stringify({
      info: 'validationError',
      requestId: parsed?.requestId,
      error: error.issues,
    })
  }
}

const good = {
  requestId: 'r-1',
  method: 'offer',
  source: 'wallet',
  connectionId: 'c',
  encryptedPayload: 'p',
  targetClientId: 't',
  startAt: 1,
}
const fields = Object.keys(good)
const values = [null, true, false, 0, -1.5, '', 'text', [], [1, 'a'], {}, { a: { b: [null] } }]
const texts = new Set()
const add = (value) => texts.add(typeof value === 'string' ? value : JSON.stringify(value))

// Every set of missing fields.
for (let set = 1; set < 1 << fields.length; set++) {
  add(Object.fromEntries(fields.filter((_, i) => !(set & (1 << i))).map((name) => [name, good[name]])))
}
// Every field with every type; of two types also with each other field missing.
for (const name of fields) {
  for (const value of values) add({ ...good, [name]: value })
  for (const value of [7, { a: null }]) {
    for (const other of fields.filter((other) => other !== name)) {
      const { [other]: _, ...rest } = { ...good, [name]: value }
      add(rest)
    }
  }
}
// All fields of one wrong type, in either order of the fields.
for (const value of values) {
  add(Object.fromEntries(fields.map((name) => [name, value])))
  add(Object.fromEntries([...fields].reverse().map((name) => [name, value])))
}
// The spelling of the unions, and fields that look like known ones.
for (const method of ['Offer', 'OFFER', ' offer', 'offer ', 'offers', 'icecandidate', 'iceCandidat', 'ack', 'renegotiate']) {
  add({ ...good, method })
}
for (const source of ['Wallet', 'EXTENSION', 'wallet ', 'mobile', 'w']) add({ ...good, source })
for (const name of ['RequestId', 'requestid', 'request_id', '__proto__', 'constructor', 'toString', '']) {
  add(`{"${name}":"x"}`)
}
add('{"__proto__":{"requestId":"r","method":"offer","encryptedPayload":"p","targetClientId":"t"}}')
add({ method: 'ack', id: '1-2' })
// Repeated and escaped names, escaped values, space between tokens.
add('{"requestId":"first","requestId":"last"}')
add('{"requestId":"first","requestId":7}')
add('{"requestId":7,"requestId":"last"}')
add('{"method":"offer","method":"no"}')
add('{"request\\u0049d":"r"}')
add('{"\\u0072equestId":null}')
add('{"method":"off\\u0065r"}')
add('{"source":"wal\\u006cet","method":"\\u0061nswer"}')
add(' \t\r\n{ "requestId" : "a b" , "method" : "no" } \n')
add('{ "requestId" : [ 1 , { "a" : " " } , null ] }')
add('{"requestId":"😀"}')
add('{"requestId":"quote \\" backslash \\\\ tab \\t line \\n"}')
add('{"requestId":"\u2028\u2029é"}')
// Not objects.
for (const value of values) add(JSON.stringify(value))
for (const text of ['"requestId"', ' null ', '[[]]', '[{"requestId":"r"}]', '1e3', '-0.5E+2', '"\\u0000"']) add(text)
// Not JSON.
for (const text of [
  '', ' ', '\n', 'hello', '{', '}', '[', ']', '{}}', '{]', '[}', '{,}', '[,]', '[1,]', '{"a"}', '{"a":}', '{"a":1,}',
  '{a:1}', "{'a':1}", '{"a":1 "b":2}', '{"a" "b"}', '{"a"::1}', '{1:2}', 'nul', 'nulll', 'tru', 'True', 'undefined', 'NaN', 'Infinity',
  '+1', '-', '01', '-01', '1.', '.5', '1e', '1e+', '0x10', '1 2', '"', '"a', '"\\', '"\\x"', '"\\u12"', '"\\u12g4"', '"\\U0041"',
  '"a\nb"', '"\u0000"', '"\u001f"', '\ufeff{}', '\u00a0{}', '{}\u0000', '\u0000', '// {}', '{/**/}', '\u007f', '\b\f\n\r\t\v',
  'quote " backslash \\ slash / <b>&</b>', '\u2028\u2029', 'é😀', '\u0001\u0010\u001b\u001f', '{"requestId":"r"',
  '{"a":{1}}', '[{a', '[{"a"}]', '[[1 2]]', '[{"a":1,}]', '{"a":{"b":1]}', '{"a":[1}}', '[{"a":[]}', '[]]', '{"a":"b\tc"}',
]) {
  add(text)
}

const cases = []
for (const text of texts) {
  const out = await reply(text)
  if (out !== undefined) cases.push(JSON.stringify({ in: text, out }))
}
console.log(`[\n${cases.join(',\n')}\n]`)
