import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Negotiation } from '../src/negotiation.js';
import type { ClientOptions, Position } from '../src/index.js';
import { newRoom, Participant } from './participant.js';
import { Proxy } from './proxy.js';
import { type Process, type Server, startRedis, startServer } from './server.js';

// Rooms of any name, roles of any name, messages of any kind: rules R10 and R11, through two instances.

let redis: Process & { url: string };
let x: Server;
let y: Server;
const undo: (() => unknown)[] = [];
beforeAll(async () => {
  redis = await startRedis();
  [x, y] = await Promise.all([startServer({ REDIS_URL: redis.url }), startServer({ REDIS_URL: redis.url })]);
});
afterAll(async () => {
  await Promise.all([x?.stop(), y?.stop()]);
  await redis?.stop();
});
afterEach(async () => {
  for (const f of undo.splice(0).reverse()) await f();
});

let made = 0;
const newName = (): string => `a.room_~${++made}-${newRoom().slice(0, 8)}`;

async function join(server: Pick<Server, 'port'>, room: string, options: Partial<ClientOptions> = {}): Promise<Participant> {
  const p = new Participant({ url: `ws://127.0.0.1:${server.port}`, room, ...options });
  undo.push(() => p.client.close());
  await p.event('session');
  return p;
}

test('three equals in a room of any name see each other, and each pair talks', async () => {
  const room = newName();
  const all = [await join(x, room), await join(y, room), await join(x, room)];
  for (const p of all) await p.until(() => (p.client.peers.size === 2 ? true : undefined));
  const ids = all.map((p) => p.client.clientId);
  for (const from of all) {
    for (const to of ids) if (to !== from.client.clientId) await from.client.send({ to, method: 'greet', payload: { from: from.client.clientId } });
  }
  for (const [i, p] of all.entries()) {
    expect(new Set((await p.payloads(2)) as { from: string }[])).toEqual(new Set(ids.filter((_, j) => j !== i).map((from) => ({ from }))));
    expect(p.client.peer(ids[(i + 1) % 3]!)).toEqual({ id: ids[(i + 1) % 3], state: 'live', role: 'peer', user: undefined });
  }
  await expect(all[0]!.client.send({ to: ids[0]!, method: 'greet' })).rejects.toMatchObject({ code: 'missingRemoteClient' });
});

test('of host and viewers, viewers see hosts only and hosts see viewers only', async () => {
  const room = newName();
  const host = await join(x, room, { role: 'host', target: 'viewer' });
  const viewers = [await join(y, room, { role: 'viewer', target: 'host' }), await join(y, room, { role: 'viewer', target: 'host' })];
  await host.until(() => (host.client.peers.size === 2 ? true : undefined));
  expect(await host.event('peer')).toMatchObject({ change: 'connected', role: 'viewer', user: undefined });
  for (const viewer of viewers) expect([...viewer.client.peers.keys()]).toEqual([host.client.clientId]);
});

test('a role without a counterpart has to name its target', async () => {
  const host = new Participant({ url: `ws://127.0.0.1:${x.port}`, room: newName(), role: 'host' });
  expect(await host.event('ended')).toMatchObject({ code: 'refused', message: 'missing target' });
});

test('names are compared byte for byte; source is the older name of role', async () => {
  const room = newName();
  const a = await join(x, `${room}A`);
  const b = await join(x, `${room}a`, { source: 'peer' });
  const c = await join(y, `${room}A`, { source: 'peer' });
  expect(await a.peer()).toBe(c.client.clientId);
  expect(b.client.peers.size).toBe(0);
});

test('payloads are any JSON, as they were sent; a string reaches plain peers too', async () => {
  const room = newName();
  const [a, b] = [await join(x, room), await join(y, room)];
  const to = await a.peer();
  const payloads = [{ x: [1, 'é', null] }, [], 0, false, null, '', 'text'];
  for (const payload of payloads) await a.client.send({ to, method: 'any.kind-of_1', payload, payloadNote: 1 });
  await a.client.send({ to, method: 'empty' });
  expect(await b.payloads(8)).toEqual([...payloads, null]);
  expect(b.messages[0]).toMatchObject({ method: 'any.kind-of_1', raw: { payload: payloads[0], payloadNote: 1 } });
  expect(b.messages[6]!.raw).toMatchObject({ encryptedPayload: 'text' });

  const hex = newRoom();
  const wallet = await join(x, hex, { role: 'wallet' });
  const plain = new Participant({ url: `ws://127.0.0.1:${y.port}`, room: hex, role: 'extension', dialect: 'plain' });
  undo.push(() => plain.client.close());
  const extension = await wallet.peer();
  await wallet.client.send({ to: extension, method: 'offer', payload: 'o' });
  expect(await plain.payloads(1)).toEqual(['o']);
  await expect(wallet.client.send({ to: extension, method: 'offer', payload: {} })).rejects.toMatchObject({ code: 'validation', details: { issues: [{ path: ['payload'] }] } });
});

test('a message with a ttlMs that is not taken in time is reported to its sender only', async () => {
  const room = newName();
  const proxy = await Proxy.start(y.port);
  undo.push(() => proxy.stop());
  const a = await join(x, room);
  const b = await join(proxy, room);
  const to = await a.peer();
  proxy.target = 0;
  proxy.reset();
  await a.event('peer', 0, (e) => e.change === 'suspended');
  await a.client.send({ to, method: 'typing', ttlMs: 50, requestId: 'short' });
  await a.client.send({ to, method: 'chat', payload: 'hello' });
  expect(await a.event('undelivered')).toEqual({ peer: to, requestId: 'short', reason: 'expired' });
  proxy.target = x.port;
  expect(await b.payloads(1)).toEqual(['hello']);
  await expect(a.client.send({ to, method: 'typing', ttlMs: 0 })).rejects.toMatchObject({ code: 'validation' });
});

test('a session of a room is resumed in that room, and by that role, only', async () => {
  const room = newName();
  let kept: Position | undefined;
  const storage = { load: () => kept, save: (p: Position | undefined) => void (kept = p) };
  const a = await join(x, room, { storage });
  const [id, position] = [a.client.clientId, kept];
  a.client.detach();
  kept = position;
  const other = await join(y, room, { role: 'viewer', target: 'host', storage });
  expect(await other.event('session')).toMatchObject({ resumed: false, reason: 'mismatch' });
  kept = position;
  const again = await join(y, room, { storage });
  expect(await again.event('session')).toMatchObject({ resumed: true, clientId: id });
});

test('of any two equals exactly one is polite', async () => {
  const room = newName();
  const [a, b] = [await join(x, room), await join(y, room)];
  const create = (): never => {
    throw new Error('not asked for');
  };
  const [ab, ba] = [new Negotiation({ client: a.client, peer: await a.peer(), create }), new Negotiation({ client: b.client, peer: await b.peer(), create })];
  expect(ab.polite).toBe(!ba.polite);
  ab.close();
  ba.close();
});

test('messages of the application pass by a negotiation', async () => {
  const room = newName();
  const [a, b] = [await join(x, room), await join(y, room)];
  const errors: unknown[] = [];
  const decoded: unknown[] = [];
  const negotiation = new Negotiation({
    client: b.client, peer: await b.peer(), onerror: (error) => errors.push(error),
    create: () => {
      throw new Error('no WebRTC here');
    },
    decode: (payload) => (decoded.push(payload), JSON.parse(payload)),
  });
  const to = await a.peer();
  await a.client.send({ to, method: 'chat', payload: { text: 'hi' } });
  await a.client.send({ to, method: 'answer', payload: '{}' });
  await b.payloads(2);
  expect(decoded).toEqual(['{}']);
  expect(errors).toEqual([]);
  negotiation.close();
});
