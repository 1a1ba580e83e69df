import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { type ClientOptions, noStorage, type PositionStorage, RejoinClient, RejoinError, type SocketConstructor } from '../src/index.js';
import { Negotiation } from '../src/negotiation.js';
import { byteLength, sleepDetector } from '../src/platform.js';
import { rejoinWebSocket } from '../src/websocket.js';
import { connect, FakeSocket, forbidden, securityError, setGlobal } from './fakes.js';

// Whatever the platform lacks or refuses, the client works without it, or ends with an error that the application gets.

afterEach(() => void vi.useRealTimers());

/** Fails the test on an unhandled error or rejection. */
function watchForEscapes(): { escaped: unknown[]; settle: () => Promise<void> } {
  const escaped: unknown[] = [];
  const note = (error: unknown): void => void escaped.push(error);
  process.on('unhandledRejection', note);
  setGlobal('reportError', { value: note });
  return {
    escaped,
    async settle() {
      await new Promise((resolve) => setImmediate(resolve));
      process.off('unhandledRejection', note);
    },
  };
}

test('whatever may be missing or throw is mentioned in platform.ts only', () => {
  const names = 'Date\\.now|performance|setTimeout|setInterval|clearTimeout|clearInterval|queueMicrotask|sessionStorage|localStorage|indexedDB|crypto|TextEncoder|navigator|reportError|structuredClone|globalThis\\.(?!addEventListener)\\w+';
  const bare = new RegExp(`(?<![.\\w'#])(${names})\\b`);
  const others = ['platform.ts', 'peerjs.ts']; // the second is a page of npm peerjs, which has none of our client
  for (const folder of ['../src/', '../../demo/src/']) {
    const dir = fileURLToPath(new URL(folder, import.meta.url));
    for (const file of readdirSync(dir).filter((name) => !others.includes(name))) {
      const code = readFileSync(dir + file, 'utf8').replace(/\/\*[^]*?\*\/|\/\/.*/g, '');
      expect(code.split('\n').filter((line) => bare.test(line)), folder + file).toEqual([]);
    }
  }
});

const pageLike = { value: Object.assign(new EventTarget(), { visibilityState: 'hidden' }) };
const quota = (): never => {
  throw new DOMException('full', 'QuotaExceededError');
};

for (const [name, descriptor] of Object.entries({
  'is forbidden (private window, blocked cookies)': forbidden,
  'is null (Android WebView)': { value: null },
  'is missing': undefined,
  'is full': { value: { getItem: () => null, setItem: quota, removeItem: quota } },
  'cannot be read': { value: { getItem: quota, setItem: quota, removeItem: quota } },
  'holds rubbish': { value: { getItem: () => '{"token":"two words","after":"x"}', setItem() {}, removeItem() {} } },
} satisfies Record<string, PropertyDescriptor | undefined>)) {
  for (const options of [{}, { storage: noStorage }, { storage: undefined }] as Partial<ClientOptions>[]) {
    test(`sessionStorage ${name}: the client works without it (${'storage' in options ? `storage: ${options.storage && 'given'}` : 'default'})`, async () => {
      setGlobal('sessionStorage', descriptor);
      setGlobal('document', pageLike);
      const { client, socket } = await connect(options);
      expect(socket!.protocols).toEqual(['rejoin.v1']);
      socket!.open();
      expect(client.state).toBe('open');
      client.close();
    });
  }
}

const hostileStorages: Record<string, { load?: () => unknown; save?: () => unknown }> = {
  'load throws': { load: quota },
  'save throws': { save: quota },
  'load is asynchronous': { load: async () => ({ token: 't', after: '' }) },
  'load rejects': { load: () => Promise.reject(securityError()) },
  'save rejects': { save: () => Promise.reject(securityError()) },
  'load gives a thenable that throws': { load: () => ({ then: quota }) },
  'load gives null': { load: () => null },
  'load gives text': { load: () => 'token' },
  'load gives an object that throws': { load: () => Object.defineProperty({}, 'token', forbidden) },
  'the token is no token': { load: () => ({ token: 'two words', after: '' }) },
  'the token is a number': { load: () => ({ token: 1, after: '' }) },
  'the token is endless': { load: () => ({ token: 'x'.repeat(100_000), after: '' }) },
  'the entry is none': { load: () => ({ token: 't', after: 'soon' }) },
};
for (const [name, storage] of Object.entries(hostileStorages)) {
  test(`a storage whose ${name}: a fresh session`, async () => {
    const { escaped, settle } = watchForEscapes();
    const { client, socket } = await connect({ storage: { load: () => undefined, save() {}, ...storage } as unknown as PositionStorage });
    expect(socket!.protocols).toEqual(['rejoin.v1']);
    socket!.open();
    socket!.say({ info: 'remoteData', id: '7-0', remoteClientId: 'p', requestId: 'r', data: { method: 'offer', encryptedPayload: '' } });
    client.detach();
    expect(client.state).toBe('ended');
    await settle();
    expect(escaped).toEqual([]);
  });
}

const refusing = (refuses: (url: string) => boolean): SocketConstructor =>
  class extends FakeSocket {
    constructor(url: string, protocols: string[]) {
      if (refuses(url)) throw securityError();
      super(url, protocols);
    }
  };

for (const [name, options] of Object.entries({
  'the WebSocket constructor throws': { WebSocket: refusing(() => true) },
  'of two URLs neither is taken': { url: ['ws://one.example', 'ws://two.example'], WebSocket: refusing(() => true) },
  'the URL is none': { url: 'wss//signaling' },
  'the URL is empty': { url: '' },
} satisfies Record<string, Partial<ClientOptions>>)) {
  test(`${name}: the client ends with an error that the application gets`, async () => {
    const { client, log } = await connect({ storage: noStorage, ...options });
    expect(log).toEqual(['ended', 'ended: blocked']);
    expect(client.error).toBeInstanceOf(RejoinError);
    expect(client.error!.cause).toBeInstanceOf(Error);
    await expect(client.send({ to: 'p', method: 'offer', payload: '' })).rejects.toBe(client.error);
  });
}

test('what was sent before the platform refused is rejected', async () => {
  const client = new RejoinClient({ url: 'wss://one.example', room: 'ab'.repeat(32), source: 'wallet', WebSocket: refusing(() => true) });
  const sent = client.send({ to: 'p', method: 'offer', payload: '' }).catch((error: unknown) => error);
  expect(client.error).toBeUndefined();
  expect(await sent).toBe(client.error);
  expect(client.error).toMatchObject({ code: 'blocked' });
});

test('no WebSocket at all: the same', async () => {
  for (const descriptor of [undefined, forbidden]) {
    setGlobal('WebSocket', descriptor);
    const { client, log } = await connect({ WebSocket: undefined } as unknown as Partial<ClientOptions>);
    expect(log).toEqual(['ended', 'ended: blocked']);
    expect(client.error!.message).toMatch(/WebSocket/);
  }
});

test('a URL that the platform refuses is passed over for one that it takes', async () => {
  const { client, socket } = await connect({ url: ['ws://one.example', ' wss://two.example\n'], WebSocket: refusing((url) => url.startsWith('ws:')) });
  expect(socket!.url).toMatch(/^wss:\/\/two\.example\/(ab)+\?source=wallet&target=extension$/);
  socket!.open();
  expect(client.state).toBe('open');
});

test('a refusal after it was open is a lost connection: it tries again', async () => {
  let refuses = false;
  const { client, socket, log } = await connect({ WebSocket: refusing(() => refuses) });
  socket!.open();
  refuses = true;
  socket!.lose();
  await vi.waitFor(() => expect(log.filter((line) => /refuses to connect/.test(line)).length).toBeGreaterThan(1));
  refuses = false;
  await vi.waitFor(() => expect(FakeSocket.all.length).toBeGreaterThan(1));
  FakeSocket.all.at(-1)!.open();
  expect(client.state).toBe('open');
});

test('an error event without a close event, as Chromium has it for a content security policy, is a lost connection', async () => {
  vi.useFakeTimers();
  const { client, socket, log } = await connect({ connectTimeout: 60_000 });
  socket!.onerror?.({} as never);
  vi.advanceTimersByTime(1_000);
  expect(log).toEqual(['waiting', 'disconnected: refused by the platform']);
  client.close();
});

test('a socket that throws at send and close neither ends the client nor loses the message', async () => {
  const { client, socket } = await connect();
  socket!.send = socket!.close = (): never => {
    throw new DOMException('not open', 'InvalidStateError');
  };
  socket!.open();
  const sent = client.send({ to: 'p', method: 'offer', payload: '', requestId: 'kept' });
  client.reconnect();
  await vi.waitFor(() => expect(FakeSocket.all).toHaveLength(2));
  const next = FakeSocket.all[1]!;
  next.open({ resumed: true, replay: 0, superseded: 0 });
  expect(next.sent.map((m) => m.requestId)).toContain('kept');
  next.say({ info: 'confirmation', requestId: 'kept' });
  await sent;
});

test('close() in the middle of an attempt closes the connection properly when it opens: the server may have resumed the session', async () => {
  const { client, socket } = await connect();
  client.close();
  expect(socket!.closed).toBeUndefined();
  socket!.onopen?.({} as never);
  expect(socket!.closed).toBe(1000);
  vi.useFakeTimers();
  const slow = await connect({ connectTimeout: 50 });
  slow.client.close();
  vi.advanceTimersByTime(50);
  expect(slow.socket!.closed).toBe(1000); // and does not wait for ever
});

test('listeners that throw are reported, and break nothing', async () => {
  const { escaped } = watchForEscapes();
  const { client, socket } = await connect();
  const names = ['state', 'session', 'peer', 'message', 'goAway', 'iceServers', 'storeReplaced', 'disconnected', 'ended'] as const;
  for (const name of names) {
    client.on(name, () => {
      throw new Error(name);
    });
  }
  socket!.open();
  socket!.say({ info: 'remoteClientJustConnected', remoteClientId: 'p' });
  socket!.say({ info: 'remoteData', id: '7-0', remoteClientId: 'p', requestId: 'r', data: { method: 'offer', encryptedPayload: '' } });
  socket!.say({ info: 'goAway', reconnectInMs: 60_000, reason: 'drain' });
  socket!.say({ info: 'iceServers', iceServers: [], ttlSeconds: 1 });
  socket!.say({ info: 'storeReplaced', agoMs: 0 });
  socket!.lose();
  await vi.waitFor(() => expect(FakeSocket.all).toHaveLength(2));
  FakeSocket.all[1]!.open({ resumed: true });
  expect(FakeSocket.all[1]!.protocols).toContain('rejoin.after.7-0');
  client.close();
  expect(new Set(escaped.map((error) => (error as Error).message))).toEqual(new Set(names));
});

test('without reportError the error of a listener is an uncaught one, as with any EventTarget', async () => {
  setGlobal('reportError', undefined);
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve));
  const { client, socket } = await connect();
  client.on('session', () => {
    throw new Error('mine');
  });
  socket!.open();
  expect(await uncaught).toMatchObject({ message: 'mine' });
  before.forEach((listener) => process.on('uncaughtException', listener));
  expect(client.state).toBe('open');
});

test('frames that are none end their connection, not the client', async () => {
  for (const frame of ['', '{', 'null', '{"info":"session"}', { info: 'remoteData', id: 'x', data: {} }, { info: 'remoteData', id: '7-0' }]) {
    const { client, socket, log } = await connect();
    if (typeof frame !== 'string') socket!.open();
    else socket!.onopen?.({} as never);
    socket!.say(frame);
    expect(log.at(-1), JSON.stringify(frame)).toBe('disconnected: not understood');
    expect(client.state).toBe('waiting');
    client.close();
  }
});

test('a message that cannot be written is a rejection', async () => {
  const { client, socket } = await connect();
  socket!.open();
  await expect(client.send({ to: 'p', method: 'offer', payload: '', big: 1n })).rejects.toMatchObject({ code: 'validation', cause: expect.any(TypeError) as Error });
});

for (const name of ['performance', 'crypto', 'TextEncoder', 'queueMicrotask', 'document', 'addEventListener', 'navigator', 'setInterval']) {
  for (const descriptor of [undefined, forbidden]) {
    test(`${name} ${descriptor ? 'throws' : 'is missing'}: messages pass all the same`, async () => {
      setGlobal(name, descriptor);
      const { client, socket } = await connect();
      socket!.open();
      const sent = client.send({ to: 'p', method: 'offer', payload: 'ü', requestId: 'a' });
      socket!.say({ info: 'confirmation', requestId: 'a' });
      await sent;
      await expect(client.send({ to: 'p', method: 'offer', payload: '€'.repeat(30_000) })).rejects.toMatchObject({ code: 'tooBig' });
    });
  }
}

test('the length of a message is that of its UTF-8', () => {
  for (const text of ['', 'a', 'ü', '€', '🙂', 'aü€🙂']) expect(byteLength(text), text).toBe(new TextEncoder().encode(text).length);
});

test('a time-out longer than a timer can be does not end at once', async () => {
  const { client, socket } = await connect({ connectTimeout: Infinity });
  await new Promise((resolve) => setTimeout(resolve, 5));
  socket!.open();
  expect(client.state).toBe('open');
});

// The clock of the wall, as a user, NTP or a virtual machine sets it.
const hour = 3_600_000;
for (const monotonicClock of [true, false]) {
  for (const jump of [-hour, hour]) {
    test(`a clock set by ${jump / hour} h moves no time-out (performance.now: ${monotonicClock})`, async () => {
      if (!monotonicClock) setGlobal('performance', undefined);
      const { client, socket, log } = await connect({ answerTimeout: 60_000 });
      socket!.open();
      const sent = client.send({ to: 'p', method: 'offer', payload: '', requestId: 'a' });
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + jump });
      socket!.say({ info: 'retryError', requestId: 'a', retryInMs: 20 });
      vi.setSystemTime(Date.now() + jump);
      await vi.waitFor(() => expect(socket!.sent.filter((m) => m.requestId === 'a')).toHaveLength(2));
      socket!.say({ info: 'confirmation', requestId: 'a' });
      await sent;
      const doubtful: string[][] = [];
      client.on('storeReplaced', (event) => doubtful.push(event.doubtful));
      if (monotonicClock || jump < 0) vi.setSystemTime(Date.now() + jump);
      socket!.say({ info: 'storeReplaced', agoMs: 0 });
      expect(doubtful).toEqual([['a']]);
      expect(log).toEqual(['open']); // neither dropped nor probed to death
    });
  }
}

test('a machine that slept, a page that was frozen: found by either clock', () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: 1_000 });
  const slept = sleepDetector(1_000);
  vi.advanceTimersByTime(900);
  expect(slept()).toBe(false);
  vi.advanceTimersByTime(5_000); // frozen: both clocks went on
  expect(slept()).toBe(true);
  expect(slept()).toBe(false);
  vi.setSystemTime(Date.now() + 5_000); // asleep: performance.now stood still
  expect(slept()).toBe(true);
  vi.setSystemTime(Date.now() - hour);
  expect(slept()).toBe(false);
});

test('what came while the page was frozen is read before the connection is judged', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setInterval', 'setTimeout', 'clearTimeout', 'clearInterval'] });
  const { client, socket, log } = await connect({ answerTimeout: 1_000 });
  socket!.open();
  client.wake(); // as the network changes: a probe is under way
  expect(socket!.sent.at(-1)).toEqual({ method: 'ack' });
  vi.setSystemTime(Date.now() + hour); // the machine sleeps
  vi.advanceTimersByTime(250);
  socket!.say({ info: 'validationError' }); // which had waited in the socket
  vi.advanceTimersByTime(2_000);
  expect(log).toEqual(['open']);
  client.wake();
  vi.advanceTimersByTime(2_000); // and a connection that is really dead is still found
  expect(log).toContain('disconnected: silent');
});

test('the adapter tells of a platform that refuses as a WebSocket does, and a bad URL throws as with a WebSocket', async () => {
  const Adapter = rejoinWebSocket({ WebSocket: refusing(() => true), storage: noStorage });
  expect(() => new Adapter('no url')).toThrow(expect.objectContaining({ name: 'SyntaxError' }));
  const socket = new Adapter(`ws://one.example/${'ab'.repeat(32)}?source=wallet&target=extension`);
  const events: string[] = [];
  for (const type of ['open', 'error', 'close']) socket.addEventListener(type, () => events.push(type));
  const { code, wasClean } = await new Promise<{ code: number; wasClean: boolean }>((resolve) => (socket.onclose = resolve));
  expect(events).toEqual(['error', 'close']);
  expect({ code, wasClean, readyState: socket.readyState }).toEqual({ code: 1006, wasClean: false, readyState: 3 });
});

test('a handler of the adapter that throws keeps the events behind it', async () => {
  const { escaped } = watchForEscapes();
  FakeSocket.all = [];
  const Adapter = rejoinWebSocket({ WebSocket: FakeSocket, storage: noStorage });
  const socket = new Adapter(`ws://one.example/${'ab'.repeat(32)}?source=wallet&target=extension`);
  const frames: string[] = [];
  socket.onmessage = ({ data }) => {
    frames.push(data);
    throw new Error('mine');
  };
  await Promise.resolve().then(() => {});
  FakeSocket.all[0]!.open({ peers: [{ remoteClientId: 'p', state: 'live' }, { remoteClientId: 'q', state: 'live' }] });
  expect(frames).toHaveLength(2);
  expect(escaped).toHaveLength(2);
  socket.close();
});

test('an onerror of a negotiation that throws is reported, and the next message is taken', async () => {
  const { escaped } = watchForEscapes();
  const { client, socket } = await connect();
  socket!.open();
  const decoded: string[] = [];
  const negotiation = new Negotiation({
    client, peer: 'p', polite: true,
    create: () => {
      throw new Error('no WebRTC here');
    },
    decode: (payload) => {
      decoded.push(payload);
      throw new Error('not for us');
    },
    onerror: () => {
      throw new Error('mine');
    },
  });
  for (const n of [0, 1]) {
    socket!.say({ info: 'remoteData', id: `7-${n}`, remoteClientId: 'p', requestId: `${n}`, data: { method: 'offer', encryptedPayload: `${n}` } });
  }
  await vi.waitFor(() => expect(decoded).toEqual(['0', '1']));
  await vi.waitFor(() => expect(escaped).toHaveLength(2));
  negotiation.close();
});
