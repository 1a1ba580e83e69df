import type { DataConnection, MediaConnection } from 'peerjs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Noted, openPage, type PeerPage, Service, type Subject, subjects } from './peerjs-stage.js';
import { Stage } from './stage.js';

// npm peerjs in real pages: the same tests against PeerServer, for which it is written, and against Rejoin. Where they differ, the test says so.

let stage: Stage;
let pages: PeerPage[]; // more than four (20, with all of the mesh in pages of their own) open for some ten seconds on two cores
beforeAll(async () => {
  stage = await Stage.open();
  pages = await Promise.all(Array.from({ length: Number(process.env['REJOIN_PEERJS_PAGES'] ?? 4) }, () => openPage(stage)));
});
afterAll(() => stage?.end());

let names = 0;
/** An id that no other test uses. */
const newId = (name: string): string => `${name}-${process.pid}-${++names}`;

/** Opens a Peer with that id in the page; what it saw by then. */
const enter = ({ page }: PeerPage, id: string, options = {}): Promise<string[]> =>
  page.evaluate(async ([id, options]) => (await p.open(id, options)).seen, [id, options] as const);

const seen = ({ page }: PeerPage): Promise<string[]> => page.evaluate(() => p.peer.seen);

/** All candidates of the last connection to that id are sent. */
const allGathered = ({ page }: PeerPage, id: string): Promise<unknown> =>
  page.waitForFunction((id) => (p.peer.connections as Record<string, DataConnection[]>)[id]!.at(-1)!.peerConnection?.iceGatheringState === 'complete', id);

/** Runs in a page: a Peer calls an absent one, and afterwards one that is there. What it saw. */
async function callAbsent([id, friend, absent]: [string, string, string]): Promise<string[]> {
  const [peer, other] = [await p.open(id), await p.open(friend)];
  p.all = p.all.filter((each) => each !== peer && each !== other);
  peer.connect(absent);
  await p.once(peer, 'error');
  await p.once(peer.connect(friend), 'open');
  const { seen } = peer;
  other.destroy();
  peer.destroy();
  return seen.slice(0, -2);
}

/** The Peer of one page connects to that of another, and a word goes each way. */
async function talk(from: PeerPage, to: PeerPage): Promise<void> {
  const id = await to.page.evaluate(() => p.peer.id);
  const heard = to.page.evaluate(async () => {
    const connection = await p.once<DataConnection>(p.peer, 'connection');
    const word = await p.once(connection, 'data');
    connection.send('back');
    return word;
  });
  const back = from.page.evaluate(async (id) => {
    const connection = await p.connect(id);
    const word = p.once(connection, 'data');
    connection.send('forth');
    return word;
  }, id);
  expect(await Promise.all([heard, back])).toEqual(['forth', 'back']);
}

describe.each(subjects)('$name', (subject: Subject) => {
  let service: Service;
  let [ada, bob, other] = [] as unknown as [PeerPage, PeerPage, PeerPage];
  let told: Promise<string[]>;
  beforeAll(async () => {
    service = await Service.start(subject, pages);
    [ada, bob, other] = pages as [PeerPage, PeerPage, PeerPage];
    told = pages.at(-1)!.page.evaluate(callAbsent, ['caller', 'callee', 'absent'].map(newId) as [string, string, string]); // five seconds, beside the tests
    told.catch(() => {}); // the test that waits for it says so
  });
  afterEach(() => Promise.all(pages.map(({ page }) => page.evaluate(() => p.all.splice(0).forEach((peer) => peer.destroy())))));
  afterAll(() => service?.stop());

  test('a data connection: label, metadata, ten messages each way in their order, and its end', async () => {
    const id = newId('bob');
    const metadata = { name: 'Ada ✎ <Lovelace>', list: [1, 2.5, null, true] };
    await Promise.all([ada.page.evaluate(async () => (await p.open()).id), enter(bob, id)]); // Ada's id comes from the server
    for (const serialization of ['binary', 'json']) {
      await bob.page.evaluate(() => {
        p.peer.data = [];
        p.peer.once('connection', (connection) => connection.once('open', async () => {
          for (let i = 0; i < 10; i++) await connection.send({ from: 'bob', i });
        }));
      });
      await ada.page.evaluate(async ([id, options]) => {
        p.peer.data = [];
        const connection = await p.connect(id, options);
        for (let i = 0; i < 10; i++) await connection.send({ from: 'ada', i });
      }, [id, { serialization, metadata, label: 'board', reliable: true }] as const);
      for (const [{ page }, from] of [[ada, 'bob'], [bob, 'ada']] as const) {
        await page.waitForFunction(() => p.peer.data.length === 10);
        expect(await page.evaluate(() => p.peer.data)).toEqual(Array.from({ length: 10 }, (_, i) => ({ from, i })));
      }
      const theirs = await bob.page.evaluate(() => {
        const { label, metadata, serialization, reliable, peer } = p.peer.incoming.at(-1)!;
        return { label, metadata, serialization, reliable, peer };
      });
      expect(theirs).toEqual({ label: 'board', metadata, serialization, reliable: true, peer: await ada.page.evaluate(() => p.peer.id) });
    }
    const closed = bob.page.evaluate(() => p.once(p.peer.incoming[0]!, 'close').then(() => true)); // of several, the library closes every other one
    await ada.page.evaluate(() => p.peer.destroy());
    expect(await closed).toBe(true);
    expect([await seen(ada), await seen(bob)]).toEqual([['open', 'disconnected', 'close'], ['open']]);
  });

  test('a call with a stream from a canvas each way', async () => {
    const id = newId('bob');
    await Promise.all([enter(ada, newId('ada')), enter(bob, id)]);
    const answered = bob.page.evaluate(async () => {
      const call = await p.once<MediaConnection>(p.peer, 'call');
      call.answer(p.stream());
      await p.moves(await p.once<MediaStream>(call, 'stream'));
      return call.metadata as unknown;
    });
    await ada.page.evaluate(async (id) => p.moves(await p.once<MediaStream>(p.peer.call(id, p.stream(), { metadata: { topic: 'canvas' } }), 'stream')), id);
    expect(await answered).toEqual({ topic: 'canvas' });
    const closed = bob.page.evaluate(() => p.once(p.peer.calls[0]!, 'close').then(() => true));
    await ada.page.evaluate(() => p.peer.destroy());
    expect(await closed).toBe(true);
  });

  test('a connection opens to a Peer that comes within five seconds; peer-unavailable, once, when it does not come', async () => {
    const id = newId('bob');
    await enter(ada, newId('ada'));
    const opens = ada.page.evaluate((id) => p.connect(id).then(() => true), id);
    await allGathered(ada, id);
    await enter(bob, id);
    expect(await opens).toBe(true);
    expect(await told).toEqual(['open', 'peer-unavailable']);
  });

  test('unavailable-id for another Peer of that id, until the first one has left', async () => {
    const id = newId('ada');
    expect(await enter(ada, id)).toEqual(['open']);
    expect(await enter(other, id)).toEqual(['unavailable-id', 'disconnected', 'close']);
    await enter(bob, newId('bob'));
    await talk(bob, ada);
    await ada.page.evaluate(() => p.peer.destroy());
    await expect.poll(() => enter(other, id), { timeout: 10_000 }).toEqual(['open']); // the close frame is on its way
    await talk(bob, other);
  });

  test('disconnect and reconnect: the same id, and connections stay open meanwhile', async () => {
    const id = newId('ada');
    await Promise.all([enter(ada, id), enter(bob, newId('bob'))]);
    await talk(bob, ada);
    await ada.page.evaluate(() => p.peer.disconnect());
    if (!subject.bringsBack) await expect.poll(() => ada.proxy.connections).toBe(0); // while PeerServer has the old socket it says no OPEN
    service.move(ada);
    await ada.page.evaluate(() => {
      p.peer.incoming[0]!.send('still here');
      p.peer.reconnect();
      return p.once(p.peer, 'open');
    });
    await bob.page.waitForFunction(() => p.peer.data.includes('still here'));
    expect(await ada.page.evaluate(() => p.peer.id)).toBe(id);
    await talk(bob, ada);
    await talk(ada, bob);
    expect(await seen(ada)).toEqual(['open', 'disconnected', 'open']);
  });

  test(subject.bringsBack
    ? 'a phone that was away comes back with the same token while the server still holds its old socket: open, and then what it missed, once'
    : 'a phone that was away comes back with the same token while the server still holds its old socket: its server says no OPEN, and what it missed is lost', async () => {
    const id = newId('ada');
    await Promise.all([enter(ada, id), enter(bob, newId('bob'))]);
    await talk(bob, ada);
    ada.proxy.cutSilently();
    service.move(ada);
    await bob.page.evaluate((id) => { // an offer and candidates, to a socket that leads nowhere
      Object.assign(globalThis, { called: p.connect(id, { label: 'meanwhile' }).then(() => true) });
    }, id);
    await allGathered(bob, id);
    await ada.page.evaluate(() => {
      p.peer.disconnect();
      p.peer.reconnect();
    });
    if (subject.bringsBack) {
      await ada.page.waitForFunction(() => p.peer.open);
      expect(await bob.page.evaluate(() => (globalThis as unknown as { called: Promise<boolean> }).called)).toBe(true);
    } else {
      await ada.page.waitForFunction(() => (p.peer.socket as unknown as { _wsOpen(): boolean })._wsOpen());
    }
    await talk(bob, ada); // the new socket works
    expect(await ada.page.evaluate(() => ({ open: p.peer.open, seen: p.peer.seen, labels: p.peer.incoming.slice(1, -1).map(({ label }) => label) }))).toEqual(subject.bringsBack
      ? { open: true, seen: ['open', 'disconnected', 'open'], labels: ['meanwhile'] }
      : { open: false, seen: ['open', 'disconnected'], labels: [] });
    expect(await seen(bob)).toEqual(['open']);
  });

  test(subject.bringsBack
    ? 'a page that is opened anew, while the server still holds the dead socket of the former one, has its id'
    : 'a page that is opened anew, while the server still holds the dead socket of the former one, hears unavailable-id', async () => {
    const id = newId('ada');
    await Promise.all([enter(ada, id), enter(bob, newId('bob'))]);
    ada.proxy.cutSilently();
    const expected = subject.bringsBack ? ['open'] : ['unavailable-id', 'disconnected', 'close'];
    expect(await enter(other, id)).toEqual(expected);
    if (subject.bringsBack) await talk(bob, other);
  });

  test('twenty in a mesh: each has a connection to all others', async () => {
    const ids = Array.from({ length: 20 }, (_, i) => newId(`mesh${i}`));
    const each = ids.length / pages.length;
    const mesh = (run: (mine: { peer: Noted; before: string[] }[]) => unknown): Promise<unknown> => Promise.all(pages.map(({ page }) => page.evaluate(`(${run})(globalThis.mine)`)));
    await Promise.all(pages.map(({ page }, i) => page.evaluate(async ([ids, from, end]) => {
      const mine = await Promise.all(ids.slice(from, end).map(async (id, i) => ({ peer: await p.open(id), before: ids.slice(0, from + i) })));
      Object.assign(globalThis, { mine });
    }, [ids, i * each, (i + 1) * each] as const)));
    await mesh((mine) => Promise.all(mine.flatMap(({ peer, before }) => before.map((id) => p.once(peer.connect(id), 'open')))));
    await mesh((mine) => Promise.all(mine.flatMap(({ peer }) => Object.values(peer.connections as Record<string, DataConnection[]>).map(([connection]) => connection!.send(peer.id)))));
    await mesh(async (mine) => {
      for (const { peer } of mine) while (new Set(peer.data).size < 19) await new Promise((resolve) => setTimeout(resolve, 20));
    });
    expect(await mesh((mine) => mine.map(({ peer }) => peer.seen.join()))).toEqual(pages.map(() => Array(each).fill('open')));
  });

  test('the server is killed and comes back: connections stay open, and an application that reconnects is found again', async () => {
    const ids = [newId('ada'), newId('bob')];
    await Promise.all([enter(ada, ids[0]!), enter(bob, ids[1]!)]);
    await talk(ada, bob);
    for (const { page } of [ada, bob]) await page.evaluate(() => {
      const { peer } = p; // p.peer is another one by the time this one is destroyed
      peer.on('disconnected', () => setTimeout(() => peer.destroyed || peer.reconnect(), 100));
    });
    const lost = (await service.lose()).filter((page) => page === ada || page === bob);
    for (const { page } of lost) await page.waitForFunction(() => p.peer.seen.includes('disconnected') && p.peer.seen.includes('network'));
    await bob.page.evaluate(() => void p.peer.incoming[0]!.send('still here'));
    await ada.page.waitForFunction(() => p.peer.data.includes('still here'));
    await service.back();
    for (const { page } of lost) await page.waitForFunction(() => p.peer.open);
    expect(await Promise.all([ada, bob].map(({ page }) => page.evaluate(() => p.peer.id)))).toEqual(ids);
    await talk(bob, ada);
    await talk(ada, bob);
    if (!lost.includes(bob)) expect(await seen(bob)).toEqual(['open']);
  });

  test('listAllPeers: an error that disconnects, unless the server allows discovery', async () => {
    await enter(ada, newId('ada'));
    await ada.page.evaluate(() => {
      p.peer.listAllPeers();
      return p.once(p.peer, 'disconnected');
    });
    expect(await seen(ada)).toEqual(['open', 'server-error', 'disconnected']);
    const listing = await Service.start(subject, pages, true);
    const listed = (by: PeerPage) => by.page.evaluate(() => new Promise<string[]>((resolve) => p.peer.listAllPeers((ids) => resolve((ids as string[]).sort()))));
    try {
      const ids = [newId('ada'), newId('bob'), newId('other')];
      await Promise.all([ada, bob, other].map((page, i) => enter(page, ids[i]!)));
      await expect.poll(() => listed(bob)).toEqual(ids);
      await ada.page.evaluate(() => p.peer.destroy());
      await expect.poll(() => listed(bob)).toEqual(ids.slice(1));
      expect(await listed(other)).toEqual(ids.slice(1));
    } finally {
      await listing.stop();
    }
  });
});
