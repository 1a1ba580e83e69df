import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type * as Rejoin from '../../web/client/src/index.js';
import { Stage } from './stage.js';

// The client where browsers refuse things: no storage, no document, insecure URLs. The pages have the origin that a test gives them.

declare const rejoin: typeof Rejoin;
type Kept = { client: Rejoin.RejoinClient; events: string[]; errors: string[] };

let stage: Stage;
let bundle: string;
const servers: HttpServer[] = [];
const dir = mkdtempSync(join(tmpdir(), 'rejoin-browser-'));
beforeAll(() => {
  const root = fileURLToPath(new URL('../../web/client', import.meta.url));
  const path = join(dir, 'client.js');
  execFileSync('npm', ['run', '--silent', 'bundle', '--', path], { cwd: root, stdio: 'inherit' });
  bundle = readFileSync(path, 'utf8');
});
afterAll(() => rmSync(dir, { recursive: true }));
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(async () => {
  await stage?.end();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const newRoom = (): string => randomBytes(32).toString('hex');

/** A client that notes what it tells; runs in a page or a worker. */
const script = `
  import * as rejoin from './client.js';
  self.rejoin = rejoin;
  self.errors = [];
  self.addEventListener('error', (event) => self.errors.push(String(event.message)));
  self.addEventListener('unhandledrejection', (event) => self.errors.push(String(event.reason)));
  self.join = (options) => {
    const client = new rejoin.RejoinClient({ backoff: { min: 10, max: 50 }, ...options });
    const kept = { client, events: [], errors: self.errors };
    client.on('state', (state) => kept.events.push(state));
    client.on('disconnected', ({ reason }) => kept.events.push('disconnected: ' + reason));
    client.on('ended', ({ code }) => kept.events.push('ended: ' + code));
    client.on('message', ({ payload }) => kept.events.push('message: ' + payload));
    return self.kept = kept;
  };
  self.ready?.();
`;

/** A page of ours: on this machine, so that it may connect to it, or on https://app.example, which is nowhere. */
async function pageAt(place: 'local' | 'https', files: Record<string, string>, headers: Record<string, string> = {}): Promise<Page> {
  const page = await stage.blank();
  const all: Record<string, string> = { '/client.js': bundle, '/join.js': script, '/': '<!doctype html><script type=module src=/join.js></script>', ...files };
  const answer = (url: string) => {
    const { pathname } = new URL(url, 'http://localhost');
    const contentType = pathname.endsWith('.js') ? 'text/javascript' : 'text/html';
    const found = pathname in all;
    return { status: found ? 200 : 404, body: found ? all[pathname]! : '', headers: { 'content-type': contentType, 'access-control-allow-origin': '*', ...headers } };
  };
  if (place === 'https') {
    await page.context().grantPermissions(['local-network-access']); // else a page from elsewhere has to ask the user
    await page.route('https://app.example/**', (route) => route.fulfill(answer(route.request().url())));
    await page.goto('https://app.example/');
    return page;
  }
  const http = createServer((request, response) => {
    const { status, body, headers } = answer(request.url!);
    response.writeHead(status, headers).end(body);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  servers.push(http);
  await page.goto(`http://localhost:${(http.address() as { port: number }).port}/`);
  return page;
}

type Scope = { kept: Kept; join: (options: object) => Kept };
const told = (kept: string): string => `self.kept && self.kept.events.includes(${JSON.stringify(kept)})`;

test('an opaque origin, where sessionStorage throws: the client connects and sends', async () => {
  const server = await stage.server();
  const page = await pageAt('local', { '/': '<!doctype html><iframe sandbox=allow-scripts src=/inner></iframe>', '/inner': '<!doctype html><script type=module src=/join.js></script>' });
  const frame = page.frames()[1]!;
  expect(await frame.evaluate(() => { try { return String(sessionStorage); } catch (error) { return (error as Error).name; } })).toBe('SecurityError');
  await frame.waitForFunction('self.join');
  const options = { url: `ws://127.0.0.1:${server.port}`, room: newRoom() };
  for (const [source, storage] of [['wallet', false], ['extension', true]] as const) {
    await frame.evaluate(({ source, storage, ...rest }) => {
      const self = globalThis as unknown as Scope;
      self.join({ ...rest, source, ...(storage && { storage: rejoin.noStorage }) });
    }, { ...options, source, storage });
    await frame.waitForFunction(told('open'));
  }
  await frame.waitForFunction('self.kept.client.peers.size === 1');
  await frame.evaluate(() => {
    const { client } = (globalThis as unknown as Scope).kept;
    return client.send({ to: [...client.peers.keys()][0]!, method: 'offer', payload: 'o' });
  });
  expect(await frame.evaluate(() => (globalThis as unknown as Scope).kept.errors)).toEqual([]);
});

for (const [name, url] of [['ws: from an https: page', 'ws://signaling.example'], ['a URL that is none', 'wss//signaling.example']] as const) {
  test(`${name}: the client ends, and the application hears why`, async () => {
    const page = await pageAt('https', {});
    await page.waitForFunction('self.join');
    const outcome = await page.evaluate(async (options) => {
      const kept = (globalThis as unknown as Scope).join(options);
      const sent = await kept.client.send({ to: 'p', method: 'offer', payload: '' }).catch((error: Rejoin.RejoinError) => error.code);
      const later = await kept.client.send({ to: 'p', method: 'offer', payload: '' }).catch((error: Rejoin.RejoinError) => error.code);
      return { sent, later, state: kept.client.state, events: kept.events, errors: kept.errors };
    }, { url, room: newRoom(), source: 'wallet' });
    expect(outcome).toEqual({ sent: 'blocked', later: 'blocked', state: 'ended', events: ['ended', 'ended: blocked'], errors: [] });
  });
}

test('an https: page passes over the ws: URL of two', async () => {
  const page = await pageAt('https', {});
  await page.waitForFunction('self.join');
  const server = await stage.server();
  // Loopback counts as secure in Chromium.
  await page.evaluate((options) => void (globalThis as unknown as Scope).join(options), {
    url: ['ws://signaling.example', `ws://127.0.0.1:${server.port}`], room: newRoom(), source: 'wallet',
  });
  await page.waitForFunction(told('open'));
});

test('a content security policy that forbids the connection is an error that the application hears of', async () => {
  const server = await stage.server();
  const page = await pageAt('local', {}, { 'content-security-policy': "connect-src 'none'" });
  await page.waitForFunction('self.join');
  await page.evaluate((options) => void (globalThis as unknown as Scope).join(options), { url: `ws://127.0.0.1:${server.port}`, room: newRoom(), source: 'wallet', connectTimeout: 60_000 });
  await page.waitForFunction(told('disconnected: refused by the platform'));
  expect(await page.evaluate(() => (globalThis as unknown as Scope).kept.errors)).toEqual([]);
});

for (const kind of ['Worker', 'SharedWorker'] as const) {
  test(`a ${kind} has a client: it resumes when its network is back, and what it missed arrives`, async () => {
    const server = await stage.server();
    const proxy = await stage.proxy(server);
    const page = await pageAt('local', { '/worker.js': `
      ${script.replace("'./client.js'", "'/client.js'")}
      const ports = [];
      const start = (port) => (port.onmessage = ({ data }) => {
        const { client, events } = self.kept ?? self.join(data.join);
        if (data.reconnect) client.reconnect(data.reconnect);
        const tell = () => port.postMessage({ events, peers: [...client.peers.keys()], errors: self.errors });
        for (const name of ['state', 'peer', 'message']) client.on(name, () => setTimeout(tell));
        tell();
      });
      if ('onconnect' in self) self.onconnect = ({ ports: [port] }) => start(port);
      else start(self);` });
    const room = newRoom();
    await page.waitForFunction('self.join');
    await page.evaluate(({ kind, join }) => {
      const page = globalThis as unknown as Scope & { told: unknown; port: MessagePort };
      const worker = kind === 'Worker' ? new Worker('/worker.js', { type: 'module' }) : new SharedWorker('/worker.js', { type: 'module' });
      page.port = ('port' in worker ? worker.port : worker) as MessagePort;
      page.port.onmessage = ({ data }) => (page.told = data as unknown);
      page.port.postMessage({ join });
    }, { kind, join: { url: `ws://127.0.0.1:${proxy.port}`, room, source: 'wallet' } });
    await page.waitForFunction("self.told?.events.includes('open')");
    await page.evaluate((options) => void (globalThis as unknown as Scope).join(options), { url: `ws://127.0.0.1:${server.port}`, room, source: 'extension' });
    await page.waitForFunction('self.kept.client.peers.size === 1');
    const send = (payload: string): Promise<void> => page.evaluate((payload) => {
      const { client } = (globalThis as unknown as Scope).kept;
      return client.send({ to: [...client.peers.keys()][0]!, method: 'offer', payload });
    }, payload);
    await send('before');
    await page.waitForFunction("self.told.events.includes('message: before')");
    proxy.reset();
    await send('meanwhile');
    await page.waitForFunction("self.told.events.includes('message: meanwhile')");
    expect(await page.evaluate(() => (globalThis as unknown as { told: { errors: string[] } }).told.errors)).toEqual([]);
  });
}

test('a clock that is set back while the client waits does not hold it up', async () => {
  const server = await stage.server();
  const proxy = await stage.proxy(server);
  const page = await pageAt('local', {});
  await page.waitForFunction('self.join');
  await page.evaluate((options) => void (globalThis as unknown as Scope).join(options), { url: `ws://127.0.0.1:${proxy.port}`, room: newRoom(), source: 'wallet', answerTimeout: 1000 });
  await page.waitForFunction(told('open'));
  for (const hours of [-1, 1]) {
    await page.evaluate((ms) => {
      const now = Date.now.bind(Date);
      Date.now = () => now() + ms;
    }, hours * 3_600_000);
    const before = await page.evaluate(() => (globalThis as unknown as Scope).kept.events.length);
    proxy.cutSilently();
    await page.evaluate(() => (globalThis as unknown as Scope).kept.client.wake());
    await page.waitForFunction((n) => (globalThis as unknown as Scope).kept.events.slice(n).includes('open'), before);
  }
});
