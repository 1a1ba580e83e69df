import { randomBytes } from 'node:crypto';
import type { Page } from 'playwright-core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Participant } from '../../web/client/test/participant.js';
import { Stage } from './stage.js';

// The demo's room: equals in real pages, a full mesh of data channels, one board.

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage?.end());

const newRoom = (): string => `board-${randomBytes(6).toString('hex')}`;
const at = (room: string, name: string): string => `room.html#${new URLSearchParams({ room, name })}`;

interface Scope {
  rejoin: { client: { clientId: string; state: string; peers: Map<string, string> }; board: { strokes: number; all(): Iterable<{ id: string }> }; closed: string[] };
}
const look = (page: Page) => page.evaluate(() => {
  const { client, board, closed } = (window as unknown as Scope).rejoin;
  return { id: client.clientId, state: client.state, peers: [...client.peers.values()], strokes: board.strokes, closed };
});

/** Every page is connected to every other one, and all are on the server. */
async function meshOpens(pages: Page[]): Promise<void> {
  const others = pages.length - 1;
  await Promise.all(pages.map((page) => expect.poll(async () => {
    const { state, peers } = await look(page);
    return { state, peers, count: await page.textContent('#count') };
  }, { timeout: 40_000, interval: 100 }).toEqual({ state: 'open', peers: Array(others).fill('live'), count: `${others} of ${others} channels open` })));
}

/** One stroke, by mouse. */
async function draw(page: Page, n: number): Promise<void> {
  const box = (await page.locator('#board').boundingBox())!;
  const place = (dx: number): [number, number] => [box.x + box.width * (0.2 + dx), box.y + box.height * (0.1 + 0.1 * n)];
  await page.mouse.move(...place(0));
  await page.mouse.down();
  for (const dx of [0.2, 0.4, 0.6]) await page.mouse.move(...place(dx), { steps: 3 });
  await page.mouse.up();
}

const boardsHave = (pages: Page[], strokes: number): Promise<unknown> =>
  Promise.all(pages.map((page) => expect.poll(async () => (await look(page)).strokes, { timeout: 20_000, interval: 100 }).toBe(strokes)));

/** Every stroke, point by point. */
const strokes = (page: Page) => page.evaluate(() => [...(window as unknown as Scope).rejoin.board.all()].sort((a, b) => (a.id < b.id ? -1 : 1)));

/** What is on the board, as bytes. */
const picture = (page: Page): Promise<string> => page.evaluate(() => (document.getElementById('board') as HTMLCanvasElement).toDataURL());

test('four equals on two instances: one is cut off silently, one instance is killed, one page reloads; all six channels are open, and no other one ever closed', async () => {
  const [x, y] = await stage.instances();
  const room = newRoom();
  const proxies = await Promise.all([stage.proxy(x), stage.proxy(x), stage.proxy(y), stage.proxy(y)]);
  const pages: Page[] = [];
  for (const [i, name] of ['Ada', 'Bob', 'Cleo', 'Dan'].entries()) pages.push(await stage.page(i < 2 ? x : y, { port: proxies[i]!.port, fragment: at(room, name) }));
  await meshOpens(pages);
  for (const [i, page] of pages.entries()) await draw(page, i);
  await boardsHave(pages, 4);
  const before = await Promise.all(pages.map(look));
  expect(before.map(({ closed }) => closed)).toEqual([[], [], [], []]);

  const [ada, bob] = pages as [Page, Page];
  for (const proxy of [proxies[0]!, proxies[2]!, proxies[3]!]) proxy.target = x.port;
  proxies[0]!.cutSilently();
  await Promise.all([y.stop(), bob.reload(), draw(ada, 4)]); // kill -9; and Ada draws while no server hears her
  await Promise.all(pages.map((page) => page.waitForSelector('#log li:has-text("Back in the same session")', { state: 'attached', timeout: 40_000 })));
  await meshOpens(pages);
  for (const [i, page] of pages.entries()) if (page !== ada) await draw(page, 4 + i);
  await boardsHave(pages, 8);
  const after = await Promise.all(pages.map(look));
  expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  const bobs = before[1]!.id;
  expect(after.map(({ closed }) => [...new Set(closed)])).toEqual([[bobs], [], [bobs], [bobs]]);
  expect(await bob.locator('.person .name').allTextContents()).toEqual(expect.arrayContaining(['Ada', 'Bob', 'Cleo', 'Dan']));
  const [pointed] = await Promise.all([bob.waitForSelector('.pointer:visible:has-text("Ada")'), draw(ada, 8)]);
  expect(pointed).toBeTruthy();
  expect(stage.errors).toEqual([]);
}, 120_000);

test('the buttons: away, cut off, left and joined again, and a page that comes later sees the drawing', async () => {
  const server = await stage.server();
  const room = newRoom();
  const pages = [await stage.page(server, { fragment: at(room, 'Ada') }), await stage.page(server, { fragment: at(room, 'Bob') })] as [Page, Page];
  const [ada, bob] = pages;
  await meshOpens(pages);
  await draw(ada, 0);
  await boardsHave(pages, 1);
  await bob.fill('#seconds', '2');
  for (const [i, button] of ['#away', '#cut'].entries()) {
    await bob.click(button);
    if (button === '#away') await ada.waitForSelector('.person[data-presence=suspended][data-channel=open]:has-text("Bob")');
    await draw(bob, 1 + i);
    await boardsHave(pages, 2 + i); // the channel does not need the server
    await expect.poll(() => bob.locator('#log li:has-text("Back in the same session")').count(), { timeout: 20_000 }).toBe(1 + i);
    await meshOpens(pages);
  }
  expect((await look(ada)).closed).toEqual([]);
  await bob.click('#leave');
  await ada.waitForSelector('#count:has-text("0 of 0")');
  await bob.click('#leave');
  await meshOpens(pages);
  await bob.fill('#name', 'Robert');
  await bob.press('#name', 'Enter');
  await ada.waitForSelector('.person .name:has-text("Robert")');
  const [cleo] = await Promise.all([ada.context().waitForEvent('page'), ada.click('#other')]);
  await meshOpens([...pages, cleo]);
  await boardsHave([...pages, cleo], 3);
  const [drawn, ...same] = await Promise.all([ada, bob, cleo].map(strokes));
  for (const other of same) expect(other).toEqual(drawn);
  expect(stage.errors).toEqual([]);
});

test('a ninth is told that the room is full', async () => {
  const server = await stage.server();
  const room = newRoom();
  const eight = Array.from({ length: 8 }, () => new Participant({ url: `ws://127.0.0.1:${server.port}`, room }));
  try {
    await Promise.all(eight.map((p) => p.event('session')));
    const page = await stage.page(server, { fragment: at(room, 'Nine') });
    await page.waitForSelector('#news:has-text("The room is full")');
    await page.waitForSelector('#session[data-state=ended]');
  } finally {
    for (const { client } of eight) client.close();
  }
});

test('the board is drawn on with keys', async () => {
  const page = await stage.page(await stage.server(), { fragment: at(newRoom(), 'Ada') });
  await page.waitForSelector('#session[data-state=open]');
  const empty = await picture(page);
  await page.focus('#board');
  for (const key of ['ArrowLeft', 'Space', 'ArrowUp', 'ArrowRight', 'Space', 'ArrowDown']) await page.keyboard.press(key);
  expect((await look(page)).strokes).toBe(1);
  expect(await picture(page)).not.toBe(empty);
});
