import { randomBytes } from 'node:crypto';
import type { Page } from 'playwright-core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Stage } from './stage.js';

// The demo's board as a PeerJS application.

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage?.end());

interface Scope {
  rejoin: { peer: { id: string; open: boolean }; board: { all(): Iterable<{ id: string }> } };
}
const strokes = (page: Page) => page.evaluate(() => [...(window as unknown as Scope).rejoin.board.all()].sort((a, b) => (a.id < b.id ? -1 : 1)));
const isNumber = (page: Page, n: number): Promise<unknown> => page.waitForSelector(`#session[data-state=open]:has-text("number ${n}")`);

async function meshOpens(...pages: Page[]): Promise<void> {
  await Promise.all(pages.map((page) => page.waitForSelector(`#count:text-is("${pages.length - 1}")`)));
}

/** One stroke, by keys; all have it. */
async function draw(page: Page, ...others: Page[]): Promise<void> {
  await page.focus('#board');
  for (const key of ['ArrowLeft', 'Space', 'ArrowUp', 'ArrowRight', 'Space']) await page.keyboard.press(key);
  const drawn = await strokes(page);
  for (const other of others) await expect.poll(() => strokes(other), { timeout: 20_000 }).toEqual(drawn);
}

test('three pages on two instances: one is cut off silently and comes back to its id, one comes late, one reloads', async () => {
  const [x, y] = await stage.instances({ PEERJS_PATH: '/peerjs' });
  const fragment = `peerjs.html#room=${randomBytes(6).toString('hex')}`;
  const proxy = await stage.proxy(x);
  const ada = await stage.page(x, { fragment, port: proxy.port });
  await isNumber(ada, 1);
  const bob = await stage.page(y, { fragment });
  await isNumber(bob, 2);
  await meshOpens(ada, bob);
  await draw(ada, bob);
  proxy.cutSilently();
  proxy.target = y.port;
  await draw(bob, ada); // the channel does not need the server
  await ada.click('#away'); // its close frame arrives nowhere
  await ada.waitForSelector('#log li:has-text("disconnected")');
  await isNumber(ada, 1);
  const cleo = await stage.page(x, { fragment });
  await isNumber(cleo, 3);
  await meshOpens(ada, bob, cleo);
  await draw(cleo, ada, bob);
  await bob.reload();
  await bob.waitForSelector('#session[data-state=open]');
  await meshOpens(bob, ada, cleo);
  await draw(bob, ada, cleo);
  expect(await strokes(ada)).toHaveLength(4);
  expect(stage.errors).toEqual([]);
});

test('a server without PEERJS_PATH: the page says what is missing', async () => {
  const page = await stage.page(await stage.server(), { fragment: 'peerjs.html' });
  await page.waitForSelector('#news:has-text("PEERJS_PATH")');
});
