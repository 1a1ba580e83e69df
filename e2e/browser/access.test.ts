import { randomBytes } from 'node:crypto';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { at, channelOpens, sessionOpens, Stage } from './stage.js';

// Who cannot see the demo, or has no mouse, can use it.

let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage?.end());

const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const laptop = { viewport: { width: 1280, height: 860 } };

/** What axe finds, by rule and element; best practices are rules here. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    await Promise.all(document.getAnimations().filter((a) => a.effect?.getTiming().iterations === 1).map((a) => a.finished)); // what fades in has less contrast
    const { violations: found } = await (window as unknown as { axe: typeof axe }).axe.run();
    return found.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`));
  });
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing to mend (${colorScheme}), with nobody there, with a channel and with messages that wait`, async () => {
    const server = await stage.server();
    const room = randomBytes(32).toString('hex');
    const extension = await stage.page(server, { fragment: at('extension', room), colorScheme, ...laptop });
    await sessionOpens(extension);
    expect(await violations(extension)).toEqual([]);
    const wallet = await stage.page(server, { fragment: at('wallet', room), colorScheme, ...phone });
    await channelOpens(extension, wallet);
    expect(await violations(wallet)).toEqual([]);
    await wallet.click('#away');
    await extension.waitForSelector('#presence[data-state=suspended]');
    await extension.click('#again');
    await extension.waitForSelector('#timeline li[data-state=waiting]');
    await extension.click('summary');
    expect(await violations(extension)).toEqual([]);
    expect(await wallet.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true); // nothing to be scrolled sideways
  });
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing to mend in the room (${colorScheme}), with someone who is away`, async () => {
    const server = await stage.server();
    const fragment = `room.html#room=axe&name=`;
    const ada = await stage.page(server, { fragment: `${fragment}Ada`, colorScheme, ...laptop });
    const bob = await stage.page(server, { fragment: `${fragment}Bob`, colorScheme, ...phone });
    await ada.waitForSelector('.person[data-channel=open]:has-text("Bob")');
    await bob.waitForSelector('.person[data-channel=open]:has-text("Ada")');
    expect(await violations(bob)).toEqual([]);
    await bob.click('#away');
    await ada.waitForSelector('.person[data-presence=suspended]');
    expect(await violations(ada)).toEqual([]);
    expect(await bob.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  });
}

test('axe finds nothing to mend in the board for PeerJS', async () => {
  const page = await stage.page(await stage.server({ PEERJS_PATH: '/' }), { fragment: 'peerjs.html', ...phone });
  await page.waitForSelector('#session[data-state=open]');
  expect(await violations(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
});

test('everything is reached by keyboard, in the order in which it is read, and the focus is seen', async () => {
  const page = await stage.page(await stage.server());
  await sessionOpens(page);
  const stops: string[] = [];
  for (;;) {
    await page.keyboard.press('Tab');
    const { name, outline } = await page.evaluate(() => {
      const e = document.activeElement!;
      return { name: e === document.body ? '' : e.id || e.className || e.textContent!, outline: getComputedStyle(e).outlineStyle };
    });
    if (!name) break; // once round
    expect(outline, name).not.toBe('none');
    stops.push(name);
  }
  expect(stops).toEqual(['skip', 'to-room', 'other', 'seconds', 'cut', 'away', 'reload', 'close', 'trap', 'again', 'words', 'primary', 'What the states mean']);
  const room = page.url();
  await page.focus('#skip');
  await page.keyboard.press('Enter');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('timeline-title');
  expect(page.url()).toBe(room);
  await page.focus('#away');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[role=status]:has-text("Dropped the connection")');
});
