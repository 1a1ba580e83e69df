import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ClientOptions, SocketConstructor } from '../src/index.js';
import { Participant, Socket } from './participant.js';
import { type Server, startServer } from './server.js';

// Tokens against the real server: rules A1 to A3.

const dir = mkdtempSync(path(tmpdir(), 'rejoin-auth-'));
const [secret, admin] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];
let server: Server;
const undo: (() => unknown)[] = [];
beforeAll(async () => {
  for (const [name, text] of Object.entries({ secret, admin })) writeFileSync(path(dir, name), text, { mode: 0o600 });
  server = await startServer({ AUTH: 'all', AUTH_SECRET_FILE: path(dir, 'secret'), ADMIN_TOKEN_FILE: path(dir, 'admin') });
});
afterAll(async () => {
  await server?.stop();
  rmSync(dir, { recursive: true });
});
afterEach(async () => {
  for (const f of undo.splice(0).reverse()) await f();
});

/** A JWT (RFC 7519) that is good for so many seconds. */
function token(claims: object = {}, seconds = 600, key = secret): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ exp: Math.floor(Date.now() / 1000) + seconds, room: 'lobby', ...claims })}`;
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
}

const bad = (): string => token({}, 600, 'another key that the server does not know');

function join(options: Partial<ClientOptions>, port = server.port): Participant {
  const p = new Participant({ url: `ws://127.0.0.1:${port}`, room: 'lobby', ...options });
  undo.push(() => p.client.close());
  return p;
}

/** Counts how often it is asked; the last token is given again and again. */
function source(...tokens: string[]): { auth: () => Promise<string>; asked: () => number } {
  let asked = 0;
  return { auth: async () => tokens[Math.min(asked++, tokens.length - 1)]!, asked: () => asked };
}

/** Like a browser's: what the server answered in place of an upgrade is not told. */
const Mute = class {
  constructor(url: string, protocols: string[]) {
    const socket = new Socket(url, protocols);
    let listener: ((event: never) => void) | null = null;
    Object.defineProperty(socket, 'onerror', {
      get: () => listener,
      set: (given: typeof listener) => (listener = given),
    });
    (socket as unknown as { on: (name: string, f: () => void) => void }).on('error', () => listener?.({} as never));
    return socket;
  }
} as unknown as SocketConstructor;

const call = (method: string, url: string, body?: object): Promise<Response> =>
  fetch(`http://127.0.0.1:${server.privatePort}/v1${url}`, { method, headers: { authorization: `Bearer ${admin}` }, ...(body && { body: JSON.stringify(body) }) });

test('peers are told who a client is, and a token by itself is as good as a function', async () => {
  const ada = join({ auth: token({ sub: 'ada' }) });
  await ada.event('session');
  const bob = join({ auth: () => token({ sub: 'bob' }) });
  expect(await ada.event('peer')).toMatchObject({ change: 'connected', user: 'bob', role: 'peer' });
  expect((await bob.event('session')).peers).toMatchObject([{ id: ada.client.clientId, user: 'ada', role: 'peer', state: 'live' }]);
  expect(ada.client.peer(bob.client.clientId)).toMatchObject({ user: 'bob' });
  const nobody = join({ auth: token() });
  await nobody.event('session');
  expect(await ada.until(() => ada.client.peer(nobody.client.clientId))).toMatchObject({ user: undefined });
  bob.client.reconnect();
  expect(await ada.event('peer', 0, (e) => e.change === 'suspended')).toMatchObject({ user: 'bob' });
  await ada.event('peer', 0, (e) => e.change === 'resumed');
  bob.client.close();
  expect(await ada.event('peer', 0, (e) => e.change === 'disconnected')).toMatchObject({ user: 'bob' });
});

for (const [kind, WebSocket] of [['tells', Socket], ['does not tell', Mute]] as const) {
  test(`a token that is refused is asked for again, once (the platform ${kind} the status)`, async () => {
    const fresh = source(bad(), token());
    await join({ WebSocket, auth: fresh.auth }).event('session');
    expect(fresh.asked()).toBe(2);
    const worse = source(bad());
    const refused = join({ WebSocket, auth: worse.auth });
    expect(await refused.event('ended')).toMatchObject({ code: 'unauthorized', details: kind === 'tells' ? { status: 401 } : {} });
    expect(worse.asked()).toBe(2);
    await expect(refused.client.send({ to: 'x', method: 'y' })).rejects.toMatchObject({ code: 'unauthorized' });
    const elsewhere = source(token({ room: 'attic' }));
    expect(await join({ WebSocket, auth: elsewhere.auth }).event('ended')).toMatchObject({ code: 'unauthorized' });
    expect(elsewhere.asked()).toBe(2);
  });

  test(`a server that is busy or away has not refused the token (the platform ${kind} the status)`, async () => {
    const asked = source(token());
    const busy = createServer().on('upgrade', (_, socket) => socket.end('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n'));
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    const port = (busy.address() as { port: number }).port;
    const p = new Participant({ url: [`ws://127.0.0.1:${port}`, 'ws://127.0.0.1:1', `ws://127.0.0.1:${port}`, `ws://127.0.0.1:${server.port}`], room: 'lobby', WebSocket, auth: asked.auth });
    undo.push(() => (p.client.close(), new Promise((resolve) => busy.close(resolve))));
    await p.event('session');
    expect(asked.asked()).toBe(1);
  });
}

test('without a token where one is asked for, the client ends', async () => {
  expect(await join({}).event('ended')).toMatchObject({ code: 'unauthorized', details: { status: 401 } });
});

test('an application that cannot get a token now is asked again', async () => {
  let asked = 0;
  const p = join({
    auth: () => {
      if (++asked === 1) throw new Error('offline');
      if (asked === 2) return new Promise(() => {});
      return token();
    },
    connectTimeout: 200,
  });
  expect(await p.event('disconnected')).toMatchObject({ reason: expect.stringContaining('offline') as string });
  await p.event('session');
  expect(asked).toBe(3);
});

test('a client asks for a fresh token before the old one ends, and moves without losing its session', async () => {
  const asked = source(token({ sub: 'ada' }, 3), token({ sub: 'ada' }));
  const p = join({ auth: asked.auth });
  const id = (await p.event('session')).clientId;
  expect(await p.event('goAway')).toMatchObject({ reason: 'auth' });
  expect(await p.event('session', 1)).toMatchObject({ resumed: true, clientId: id });
  expect(asked.asked()).toBe(2);
});

test('a token that ended while the client could not move is replaced after the close, and the session goes on', async () => {
  let asked = 0;
  const p = join({
    auth: () => {
      asked++;
      if (asked === 2) throw new Error('the first time it is asked to move, the service is away');
      return token({ sub: 'ada' }, asked === 1 ? 2 : 600);
    },
  });
  const id = (await p.event('session')).clientId;
  expect(await p.event('disconnected')).toMatchObject({ code: 4003 });
  expect(await p.event('session', 1)).toMatchObject({ resumed: true, clientId: id });
});

test('a token that was revoked ends the session; with no other one to show, the client ends', async () => {
  const asked = source(token({ jti: 'one' }));
  const p = join({ auth: asked.auth });
  await p.event('session');
  expect((await call('POST', '/revocations', { jti: 'one', until: Math.floor(Date.now() / 1000) + 600 })).ok).toBe(true);
  expect(await p.event('disconnected')).toMatchObject({ code: 4003 });
  expect(await p.event('ended')).toMatchObject({ code: 'unauthorized' });
});

test('a client that the operator removes ends, and forgets its session', async () => {
  let kept: unknown;
  const storage = { load: () => undefined, save: (position: unknown) => void (kept = position) };
  const p = join({ auth: token(), storage });
  await p.event('session');
  expect((await call('DELETE', `/rooms/lobby/clients/${p.client.clientId}`)).ok).toBe(true);
  expect(await p.event('ended')).toMatchObject({ code: 'removed', details: { closeCode: 4004 } });
  expect(kept).toBeUndefined();
});

test('the operator speaks to clients', async () => {
  const p = join({ auth: token() });
  await p.event('session');
  expect((await call('POST', '/rooms/lobby/messages', { to: p.client.clientId, method: 'notice', payload: { text: 'soon' } })).ok).toBe(true);
  expect(await p.event('message')).toMatchObject({ from: 'server', method: 'notice', payload: { text: 'soon' } });
});

test('the plain dialect shows a token as well', async () => {
  const p = join({ room: 'ab'.repeat(32), role: 'wallet', dialect: 'plain', auth: token({ room: '*' }) });
  await p.event('plain');
  await p.registered();
});
