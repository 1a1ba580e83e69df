import { createServer } from 'node:http';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import type { ClientOptions, Position } from '../src/index.js';
import { newRoom, Participant } from './participant.js';
import { Proxy } from './proxy.js';
import { type Process, type Server, startRedis, startServer } from './server.js';

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

function join(server: Pick<Server, 'port'>, room: string, source: 'wallet' | 'extension', options: Partial<ClientOptions> = {}): Participant {
  const p = new Participant({ url: `ws://127.0.0.1:${server.port}`, room, source, ...options });
  undo.push(() => p.client.close());
  return p;
}

async function proxyTo(server: Server): Promise<Proxy> {
  const proxy = await Proxy.start(server.port);
  undo.push(() => proxy.stop());
  return proxy;
}

/** An extension on x and a wallet on y, behind a proxy, that know each other. */
async function pair(options: Partial<ClientOptions> = {}) {
  const room = newRoom();
  const proxy = await proxyTo(y);
  const extension = join(x, room, 'extension');
  await extension.event('session');
  const wallet = join(proxy, room, 'wallet', options);
  const [toWallet, toExtension] = await Promise.all([extension.peer(), wallet.peer()]);
  return { room, proxy, extension, wallet, toWallet, toExtension };
}

test('messages pass between instances, in order, and unknown fields with them', async () => {
  const { extension, wallet, toWallet, toExtension } = await pair();
  await extension.client.send({ to: toWallet, method: 'offer', payload: 'o', note: [1] });
  await Promise.all(['a', 'b', 'c'].map((p) => extension.candidate(toWallet, p)));
  expect(await wallet.payloads(4)).toEqual(['o', 'a', 'b', 'c']);
  expect(wallet.messages[0]).toMatchObject({ from: toWallet === wallet.client.clientId ? toExtension : '', method: 'offer', raw: { note: [1] }, replayed: false });
});

for (const cut of ['cutSilently', 'reset'] as const) {
  test(`a client that was cut off (${cut}) comes back to the other instance and gets what it missed, in order`, async () => {
    const { proxy, extension, wallet, toWallet } = await pair();
    await extension.candidate(toWallet, '0');
    await wallet.payloads(1);
    const id = wallet.client.clientId;
    proxy.target = x.port;
    proxy[cut]();
    for (const p of ['1', '2', '3']) await extension.candidate(toWallet, p);
    wallet.client.wake(); // as the page does when the network is back; alone it would take 37 s
    expect(await wallet.event('session', 1)).toMatchObject({ resumed: true, clientId: id });
    expect(await wallet.payloads(4)).toEqual(['0', '1', '2', '3']);
    expect(wallet.client.peers.size).toBe(1);
  });
}

test('what was not confirmed is sent again after a silent cut, and arrives once', async () => {
  const { proxy, extension, wallet, toExtension } = await pair();
  await wallet.candidate(toExtension, '0');
  proxy.cutSilently();
  const sent = ['1', '2', '3'].map((p) => wallet.candidate(toExtension, p));
  await Promise.all(sent); // the overdue answer gives the connection away
  await wallet.candidate(toExtension, '4');
  expect(await extension.payloads(5)).toEqual(['0', '1', '2', '3', '4']);
  expect(await wallet.event('session', 1)).toMatchObject({ resumed: true });
});

test('a message whose confirmation was lost is confirmed again and delivered once', async () => {
  const { extension, wallet, toExtension } = await pair();
  await wallet.candidate(toExtension, 'a', 'same');
  await wallet.candidate(toExtension, 'b', 'same'); // as a repetition would look
  await wallet.candidate(toExtension, 'c');
  expect(await extension.payloads(2)).toEqual(['a', 'c']);
});

test('a reload resumes through the storage and does not get again what was handled', async () => {
  let kept: Position | undefined;
  const storage = { load: () => kept, save: (p: Position | undefined) => void (kept = p) };
  const { room, extension, wallet, toWallet } = await pair({ storage });
  await extension.candidate(toWallet, 'before');
  await wallet.payloads(1);
  const id = wallet.client.clientId;
  wallet.client.detach();
  await extension.event('peer', 0, (e) => e.change === 'suspended');
  await extension.candidate(toWallet, 'meanwhile');
  const again = join(x, room, 'wallet', { storage });
  expect(await again.event('session')).toMatchObject({ resumed: true, clientId: id, replay: 1 });
  expect(await again.payloads(1)).toEqual(['meanwhile']);
  expect(again.messages[0]).toMatchObject({ replayed: true });
  await extension.event('peer', 0, (e) => e.change === 'resumed');
  again.client.close();
  expect(kept).toBeUndefined();
  await extension.event('peer', 0, (e) => e.change === 'disconnected');
});

test('with manualAck a message comes again to the next page until it was acknowledged', async () => {
  let kept: Position | undefined;
  const storage = { load: () => kept, save: (p: Position | undefined) => void (kept = p) };
  const { room, extension, wallet, toWallet } = await pair({ storage, manualAck: true });
  for (const p of ['1', '2']) await extension.candidate(toWallet, p);
  await wallet.payloads(2);
  wallet.client.ack(wallet.messages[0]!);
  wallet.client.detach();
  const again = join(x, room, 'wallet', { storage });
  expect(await again.payloads(1)).toEqual(['2']);
});

test('a refused resume opens a fresh session that says why', async () => {
  const storage = { load: () => ({ token: 'no-such-token', after: '' }), save: () => {} };
  const wallet = join(x, newRoom(), 'wallet', { storage });
  expect(await wallet.event('session')).toMatchObject({ resumed: false, reason: 'unknown' });
  expect(wallet.client.state).toBe('open');
});

test('a client whose session was taken up elsewhere ends and does not fight for it', async () => {
  let kept: Position | undefined;
  const storage = { load: () => kept, save: (p: Position | undefined) => void (kept = p) };
  const { room, wallet } = await pair({ storage });
  const other = join(x, room, 'wallet', { storage });
  expect(await wallet.event('ended')).toMatchObject({ code: 'resumedElsewhere' });
  expect((await other.event('session')).resumed).toBe(true);
  await expect(wallet.candidate('x', 'y')).rejects.toMatchObject({ code: 'resumedElsewhere' });
});

test('a draining instance moves its clients without a gap', async () => {
  const old = await startServer({ REDIS_URL: redis.url });
  undo.push(() => old.stop());
  const room = newRoom();
  const proxy = await proxyTo(old);
  const extension = join(x, room, 'extension');
  await extension.event('session');
  const wallet = join(proxy, room, 'wallet');
  const toWallet = await extension.peer();
  proxy.target = y.port;
  old.signal('SIGTERM');
  await wallet.event('goAway');
  for (let i = 0; i < 5; i++) await extension.candidate(toWallet, `${i}`);
  expect(await wallet.event('session', 1)).toMatchObject({ resumed: true });
  expect(await wallet.payloads(5)).toEqual(['0', '1', '2', '3', '4']);
  await old.exited;
  expect(wallet.client.state).toBe('open');
});

test('a client is told what may be lost when Redis is replaced', async () => {
  const first = await startRedis();
  undo.push(() => first.stop());
  const server = await startServer({ REDIS_URL: first.url, INSTANCE_LEASE: '1s' });
  undo.push(() => server.stop());
  const room = newRoom();
  const extension = join(server, room, 'extension');
  await extension.event('session');
  const wallet = join(server, room, 'wallet');
  const to = await extension.peer();
  await wallet.event('session');
  await extension.candidate(to, 'x', 'doubtful');
  await first.stop();
  const second = await startRedis(first.port);
  undo.push(() => second.stop());
  expect(await extension.event('storeReplaced')).toEqual({ doubtful: ['doubtful'] });
  expect(await wallet.event('storeReplaced')).toEqual({ doubtful: [] });
});

test('refusals are rejections with a code', async () => {
  const full = await startServer({ MAILBOX_MESSAGES: '2', MAX_MESSAGE_BYTES: '1024' });
  undo.push(() => full.stop());
  const room = newRoom();
  const extension = join(full, room, 'extension');
  await extension.event('session');
  const wallet = join(full, room, 'wallet', { manualAck: true });
  const to = await extension.peer();
  await wallet.event('session');
  await expect(extension.candidate('8c4b2a8e-0000-4000-8000-000000000000', 'x')).rejects.toMatchObject({ code: 'missingRemoteClient' });
  await expect(extension.client.send({ to, method: '1hello', payload: '', requestId: 'h' })).rejects.toMatchObject({ code: 'validation' });
  await expect(extension.candidate(to, 'x'.repeat(2000))).rejects.toMatchObject({ code: 'tooBig' });
  wallet.client.detach();
  const sent = await Promise.allSettled(['1', '2', '3'].map((p) => extension.candidate(to, p)));
  expect(sent.map((s) => s.status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  expect((sent[2] as PromiseRejectedResult).reason).toMatchObject({ code: 'mailboxFull' });
});

test('bad parameters end the client, with the reason', async () => {
  const wallet = join(x, 'a b', 'wallet');
  expect(await wallet.event('ended')).toMatchObject({ code: 'refused', message: 'invalid room name', details: { closeCode: 1003 } });
});

test('the plain dialect: presence, messages, and no promise kept open when the connection is lost', async () => {
  const room = newRoom();
  const proxy = await proxyTo(x);
  const extension = join(y, room, 'extension', { dialect: 'plain' });
  await extension.event('plain');
  await extension.registered();
  const wallet = join(proxy, room, 'wallet', { dialect: 'plain' });
  expect(await wallet.event('peer')).toMatchObject({ change: 'alreadyConnected' });
  expect(await extension.event('peer')).toMatchObject({ change: 'connected' });
  const to = await wallet.peer();
  await wallet.candidate(to, 'a');
  expect(await extension.payloads(1)).toEqual(['a']);
  proxy.cutSilently();
  const lost = wallet.candidate(to, 'b');
  lost.catch(() => {});
  proxy.reset();
  await expect(lost).rejects.toMatchObject({ code: 'unconfirmed' });
  await wallet.event('plain', 1);
});

/** A server that knows no sessions; with echo it chooses whatever was offered first, as some libraries do. */
async function plainServer(echo: boolean): Promise<{ port: number }> {
  const http = createServer();
  const sockets = new WebSocketServer({ server: http, ...(echo ? {} : { handleProtocols: () => false as const }) });
  sockets.on('connection', (ws) => {
    ws.on('message', (data) => {
      const { requestId } = JSON.parse(String(data)) as { requestId: string };
      ws.send(JSON.stringify({ info: 'confirmation', requestId }));
    });
  });
  http.listen(0, '127.0.0.1');
  await new Promise((resolve) => http.once('listening', resolve));
  undo.push(() => {
    sockets.clients.forEach((ws) => ws.terminate());
    return new Promise((resolve) => http.close(resolve));
  });
  return http.address() as { port: number };
}

for (const echo of [false, true]) {
  test(`a server without sessions is spoken to in plain (it echoes the subprotocol: ${echo})`, async () => {
    const wallet = join(await plainServer(echo), newRoom(), 'wallet', { connectTimeout: 200 });
    await wallet.event('plain');
    expect(wallet.client.dialect).toBe('plain');
    await wallet.candidate('anybody', 'x');
  });
}

test('TURN servers are told, where there are any', async () => {
  const turn = await startServer({ TURN_URLS: 'turn:127.0.0.1:3478?transport=udp', TURN_SECRET: 'a secret of enough characters' });
  undo.push(() => turn.stop());
  const wallet = join(turn, newRoom(), 'wallet');
  const { iceServers } = await wallet.event('iceServers');
  expect(iceServers[0]).toMatchObject({ urls: ['turn:127.0.0.1:3478?transport=udp'], credential: expect.any(String) as string });
  expect(wallet.client.iceServers).toEqual(iceServers);
});
