import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { at, channelOpens, sessionOpens, Stage } from './stage.js';

// client/examples/pion, the WebRTC peer in Go, is the other side of the demo page in Chromium. It echoes what it hears.

const dir = mkdtempSync(join(tmpdir(), 'rejoin-pion-'));
const path = join(dir, 'pion');
const running: ChildProcess[] = [];
let stage: Stage;
beforeAll(() => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  execFileSync('go', ['build', '-buildvcs=false', '-o', path, './client/examples/pion'], { cwd: root, stdio: 'inherit' });
}, 180_000);
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null && child.kill('SIGKILL')) await ended;
  }
  await stage?.end();
});
afterAll(() => rmSync(dir, { recursive: true }));

const pion = (...args: string[]): unknown => running.push(spawn(path, ['-loopback', ...args], { stdio: ['ignore', 'ignore', 'inherit'] }));

test('pion answers the browser through two instances, though its connection is cut in the middle of it, and again after a reload', async () => {
  const [x, y] = await stage.instances();
  const proxy = await stage.proxy(y);
  let cut = false;
  proxy.cutAfter('"method":"offer"', 'reset', () => {
    proxy.target = x.port;
    cut = true;
  });
  const room = randomBytes(32).toString('hex');
  const extension = await stage.page(x, { fragment: at('extension', room) });
  await sessionOpens(extension);
  pion('-url', proxy.url, '-room', room, '-role', 'wallet');
  await channelOpens(extension);
  expect(cut).toBe(true);
  for (const text of ['hello pion', 'hello again']) {
    await extension.fill('#words', text);
    await extension.press('#words', 'Enter');
    await extension.waitForSelector(`#said li.theirs:has-text("${text}")`);
    await Promise.all([extension.waitForEvent('load'), extension.click('#reload')]);
    await channelOpens(extension);
  }
  expect(stage.errors).toEqual([]);
});

test('pion calls the browser', async () => {
  const server = await stage.server();
  const room = randomBytes(32).toString('hex');
  const wallet = await stage.page(server, { fragment: at('wallet', room) });
  await sessionOpens(wallet);
  pion('-url', `ws://127.0.0.1:${server.port}`, '-room', room, '-call');
  await channelOpens(wallet);
  await wallet.waitForSelector('#timeline li[data-kind=offer][data-dir=in]');
  await wallet.waitForSelector('#said li.theirs:has-text("hello")');
});
