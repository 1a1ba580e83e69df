import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { at, channelOpens, entries, sessionOpens, Stage, talk } from './stage.js';

let stage: Stage;
const newRoom = (): string => randomBytes(32).toString('hex');
beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage?.end());

test('the demo works from the first click, under its own content security policy', async () => {
  const extension = await stage.page(await stage.server());
  expect(await extension.locator('#qr svg, #phone-note:has-text("address")').count()).toBeGreaterThan(0);
  await sessionOpens(extension);
  const [wallet] = await Promise.all([extension.context().waitForEvent('page'), extension.click('#other')]);
  await channelOpens(extension, wallet);
  await talk(extension, wallet, 'hello wallet');
  await talk(wallet, extension, 'hello extension');
  await extension.waitForSelector('#timeline li[data-kind=offer][data-dir=out][data-state=received]');
  await extension.waitForSelector('#timeline li[data-kind=answer][data-dir=in]');
  await extension.waitForFunction(() => / ms$/.test(document.getElementById('latency')!.textContent!));
  expect(stage.errors).toEqual([]);
});

test('a wallet that closes cleanly has left; it can join again', async () => {
  const server = await stage.server();
  const room = newRoom();
  const extension = await stage.page(server, { fragment: at('extension', room) });
  const wallet = await stage.page(server, { fragment: at('wallet', room) });
  await channelOpens(extension, wallet);
  await wallet.click('#close');
  await extension.waitForSelector('#presence:has-text("nobody yet")');
  await wallet.click('#close');
  await channelOpens(extension, wallet);
  await talk(wallet, extension, 'again');
});

test('a data channel opens through two instances on one Redis', async () => {
  const [x, y] = await stage.instances();
  const room = newRoom();
  const extension = await stage.page(x, { fragment: at('extension', room) });
  const wallet = await stage.page(y, { fragment: at('wallet', room) });
  await channelOpens(extension, wallet);
  await talk(wallet, extension, 'across');
  expect(stage.errors).toEqual([]);
});

test('a wallet that is cut off silently during the negotiation comes back to the other instance, and the channel opens', async () => {
  const [x, y] = await stage.instances();
  const room = newRoom();
  const proxy = await stage.proxy(y);
  const extension = await stage.page(x, { fragment: at('extension', room) });
  await sessionOpens(extension);
  proxy.cutAfter('"method":"offer"', 'cutSilently', () => (proxy.target = x.port));
  const wallet = await stage.page(y, { port: proxy.port, fragment: at('wallet', room) });
  await wallet.waitForSelector('#timeline li[data-kind=offer][data-dir=in]');
  await extension.waitForSelector('#timeline li[data-kind=iceCandidate][data-state=waiting]');
  await channelOpens(extension, wallet);
  expect(await entries(wallet, '[data-kind=iceCandidate][data-dir=in]')).toBe(await entries(extension, '[data-kind=iceCandidate][data-dir=out]'));
  expect(await entries(wallet, '[data-kind=note]:has-text("Back in the same session")')).toBeGreaterThan(0);
  await talk(wallet, extension, 'back');
});

test('the button that cuts the socket: candidates wait in the mailbox and arrive', async () => {
  const server = await stage.server();
  const room = newRoom();
  const extension = await stage.page(server, { fragment: at('extension', room) });
  await sessionOpens(extension);
  const wallet = await stage.page(server, { fragment: at('wallet', room) });
  await channelOpens(extension, wallet);
  await wallet.fill('#seconds', '3');
  await wallet.check('#trap');
  await extension.click('#again');
  await extension.waitForSelector('#timeline li[data-state=waiting]');
  await wallet.waitForSelector('#timeline li[data-state=replayed]');
  await channelOpens(extension, wallet);
  await talk(extension, wallet, 'there you are');
});

test('offers made while the other side stays away: the last one is replayed, those before it are superseded', async () => {
  const server = await stage.server();
  const room = newRoom();
  const extension = await stage.page(server, { fragment: at('extension', room) });
  const wallet = await stage.page(server, { fragment: at('wallet', room) });
  await channelOpens(extension, wallet);
  await wallet.fill('#seconds', '3');
  await wallet.click('#away');
  await extension.waitForSelector('#presence[data-state=suspended]');
  await extension.click('#again');
  await extension.waitForSelector('#mailbox[data-state=waiting]');
  await extension.click('#again');
  await wallet.waitForSelector('#timeline li:has-text("superseded")');
  await channelOpens(extension, wallet);
  await extension.waitForSelector('#timeline li[data-kind=offer][data-state=replayed]');
  await extension.waitForSelector('#timeline li[data-kind=offer][data-state=superseded]');
  await extension.waitForSelector('#mailbox[data-state=empty]');
});

test('the network coming back ends the wait for the next attempt', async () => {
  const wallet = await stage.page(await stage.server(), { fragment: at('wallet', newRoom()) });
  await sessionOpens(wallet);
  await wallet.fill('#seconds', '59'); // longer than this test would wait
  await wallet.click('#away');
  await wallet.waitForSelector('#session[data-state=waiting]');
  await wallet.context().setOffline(true);
  await wallet.context().setOffline(false);
  await sessionOpens(wallet);
  await wallet.waitForSelector('#timeline li:has-text("Back in the same session")');
});

for (const role of ['wallet', 'extension'] as const) {
  test(`a reload of the ${role} resumes its session, and the channel opens again`, async () => {
    const server = await stage.server();
    const room = newRoom();
    const extension = await stage.page(server, { fragment: at('extension', room) });
    const wallet = await stage.page(server, { fragment: at('wallet', room) });
    await channelOpens(extension, wallet);
    const page = role === 'wallet' ? wallet : extension;
    const id = await page.textContent('#me');
    await Promise.all([page.waitForEvent('load'), page.click('#reload')]);
    await page.waitForSelector('#timeline li:has-text("Back in the same session")');
    expect(await page.textContent('#me')).toBe(id);
    await channelOpens(page);
    await talk(wallet, extension, 'one');
    await talk(extension, wallet, 'two');
  });
}

test('flapping connections on both sides end connected', async () => {
  const seconds = process.env['REJOIN_SOAK'] ? 120 : 8;
  const [x, y] = await stage.instances();
  const room = newRoom();
  const [a, b] = await Promise.all([stage.proxy(x), stage.proxy(y)]);
  const extension = await stage.page(x, { port: a.port, fragment: at('extension', room) });
  const wallet = await stage.page(y, { port: b.port, fragment: at('wallet', room) });
  await channelOpens(extension, wallet);
  const end = Date.now() + seconds * 1000;
  for (let i = 0; Date.now() < end; i++) {
    const proxy = i % 2 ? a : b;
    proxy.target = proxy.target === x.port ? y.port : x.port;
    if (i % 3) proxy.reset();
    else proxy.cutSilently();
    await (i % 5 ? extension : wallet).click('#again');
    await Promise.race([sessionOpens(extension), sessionOpens(wallet)]);
    await new Promise((resolve) => setTimeout(resolve, 400 + (i % 4) * 250)); // the pace of the flapping, not a wait for something
  }
  await Promise.all([sessionOpens(extension), sessionOpens(wallet)]);
  await extension.click('#again');
  const states = () => Promise.all([extension, wallet].map((page) => page.evaluate(() => {
    const { client, pc } = (window as unknown as { rejoin: { client: { state: string; clientId: string; peers: Map<string, string> }; pc?: RTCPeerConnection } }).rejoin;
    return { session: client.state, peers: [...client.peers.values()], signaling: pc?.signalingState, connection: pc?.connectionState };
  })));
  await expect.poll(states, { message: 'both sides are connected', timeout: 30_000, interval: 200 }).toEqual(
    Array(2).fill({ session: 'open', peers: ['live'], signaling: 'stable', connection: 'connected' }),
  );
  await channelOpens(extension, wallet);
  await talk(wallet, extension, 'still here');
  await talk(extension, wallet, 'me too');
}, 240_000);

test.runIf(process.env['REJOIN_SCREENSHOTS'])('screenshots for the README', async () => {
  const docs = fileURLToPath(new URL('../../docs/', import.meta.url));
  const server = await stage.server();
  const room = newRoom();
  const laptop = { colorScheme: 'light', viewport: { width: 1200, height: 800 }, reducedMotion: 'reduce' } as const;
  const phone = { colorScheme: 'dark', viewport: { width: 390, height: 800 }, reducedMotion: 'reduce', deviceScaleFactor: 2, isMobile: true, hasTouch: true } as const;
  const extension = await stage.page(server, { fragment: at('extension', room), ...laptop });
  await sessionOpens(extension);
  const wallet = await stage.page(server, { fragment: at('wallet', room), ...phone });
  await channelOpens(extension, wallet);
  await talk(extension, wallet, 'hello wallet');
  await wallet.click('#away');
  await extension.waitForSelector('#presence[data-state=suspended]');
  await extension.click('#again');
  await extension.waitForSelector('#mailbox:has-text("3 waiting")');
  await extension.screenshot({ path: `${docs}demo-laptop.png` });
  await wallet.waitForSelector('#timeline li[data-kind=iceCandidate][data-state=replayed]');
  await channelOpens(extension, wallet);
  await wallet.waitForFunction(() => / ms$/.test(document.getElementById('latency')!.textContent!));
  await wallet.evaluate(() => scrollTo(0, 0));
  await wallet.screenshot({ path: `${docs}demo-phone.png` });
});
