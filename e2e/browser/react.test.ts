import { execFileSync } from 'node:child_process';
import { createServer, type Server as HttpServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Stage } from './stage.js';

// The React hook in a real page, with a real server.

let stage: Stage;
let http: HttpServer;
let origin: string;
beforeAll(async () => {
  const root = fileURLToPath(new URL('../../web/client', import.meta.url));
  // A development build of React: StrictMode mounts twice in that only.
  const script = execFileSync(`${root}/node_modules/.bin/esbuild`, ['test/react-page.ts', '--bundle', '--format=esm', '--define:process.env.NODE_ENV="development"'], { cwd: root, maxBuffer: 1 << 26 });
  http = createServer((request, response) => {
    const isScript = request.url === '/page.js';
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' });
    response.end(isScript ? script : '<!doctype html><link rel=icon href="data:,"><div id=root></div><script type=module src=/page.js></script>');
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(http.address() as { port: number }).port}`;
});
afterAll(() => {
  http?.closeAllConnections();
  http?.close();
});
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage?.end());

interface Scope {
  log: string[];
  move: (room: string) => void;
  leave: () => void;
  renders: () => number;
}
const scope = <T>(page: Page, f: (w: Scope) => T): Promise<T> => page.evaluate(`(${String(f)})(window)`) as Promise<T>;

async function enter(port: number, room: string): Promise<Page> {
  const page = await stage.blank();
  page.on('pageerror', (error) => stage.errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && stage.errors.push(message.text()));
  await page.goto(`${origin}/#${new URLSearchParams({ url: `ws://127.0.0.1:${port}`, room })}`);
  await page.waitForSelector('#state:text("open")');
  return page;
}
const peers = (page: Page, ...states: string[]): Promise<unknown> =>
  expect.poll(async () => (await page.locator('.peer').allTextContents()).map((text) => text.split(' ')[1]).sort()).toEqual(states);

test('two components of StrictMode see and hear each other, once; a reload resumes the session', async () => {
  const { port } = await stage.server();
  const [a, b] = [await enter(port, 'lobby'), await enter(port, 'lobby')];
  await Promise.all([peers(a, 'live'), peers(b, 'live')]);
  const id = await b.textContent('#me');
  await a.click('#greet');
  await b.waitForSelector('.said');
  await b.click('#greet');
  await a.waitForSelector('.said');
  expect(await b.locator('.said').allTextContents()).toEqual([`hello from ${await a.textContent('#me')}`]);

  await b.reload();
  await b.waitForSelector('#state:text("open")');
  expect(await b.textContent('#me')).toBe(id);
  await Promise.all([peers(a, 'live'), peers(b, 'live')]);
  await a.click('#greet');
  await b.waitForSelector('.said');
  expect(await scope(a, (w) => w.log)).toEqual(['connected', 'suspended', 'resumed']);
  expect(stage.errors).toEqual([]);
});

test('another room is joined, and the first one left; unmounting leaves too; a render that changes nothing does neither', async () => {
  const { port } = await stage.server();
  const [a, b] = [await enter(port, 'one'), await enter(port, 'one')];
  await Promise.all([peers(a, 'live'), peers(b, 'live')]);
  const before = await b.textContent('#me');
  await b.evaluate('move("two")');
  await peers(a);
  await b.waitForFunction((id) => document.getElementById('state')!.textContent === 'open' && document.getElementById('me')!.textContent !== id, before);
  await b.evaluate('move("one")');
  await Promise.all([peers(a, 'live'), peers(b, 'live')]);
  const renders = await scope(a, (w) => w.renders());
  await a.click('#greet');
  await b.waitForSelector('.said');
  expect(await scope(a, (w) => w.renders())).toBe(renders); // to send shows nothing new
  await b.evaluate('leave()');
  await peers(a);
  expect(await b.locator('#state').count()).toBe(0);
  expect(await scope(a, (w) => w.log)).toEqual(['connected', 'disconnected', 'connected', 'disconnected']);
  expect(stage.errors).toEqual([]);
});
