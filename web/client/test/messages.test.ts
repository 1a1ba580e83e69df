import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ClientEvents } from '../src/index.js';
import { newRoom, Participant } from './participant.js';

// What the server writes and reads, to the byte: internal/wire tests itself by the same file.
interface Named {
  name: string;
  text: string;
}
const golden = JSON.parse(readFileSync(new URL('../../../internal/wire/testdata/messages.json', import.meta.url), 'utf8')) as Record<'server' | 'client', Named[]>;
const [alice, bob] = ['00112233-4455-6677-8899-aabbccddeeff', 'ffeeddcc-bbaa-4988-a766-554433221100'];
const session = text('server', 'session');

function text(side: 'server' | 'client', name: string): string {
  return golden[side].find((message) => message.name === name)!.text;
}

/** A client, and the server's end of its connection, from which messages are written as they stand. */
async function connect(first = session): Promise<{ client: Participant; socket: WebSocket; heard: string[]; end: () => Promise<unknown> }> {
  const http = createServer();
  const sockets = new WebSocketServer({ server: http, handleProtocols: () => 'rejoin.v1' });
  const accepted = new Promise<WebSocket>((resolve) => sockets.once('connection', resolve));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const client = new Participant({ url: `ws://127.0.0.1:${(http.address() as { port: number }).port}`, room: newRoom(), source: 'wallet', manualAck: true, answerTimeout: 60_000 });
  const socket = await accepted;
  const heard: string[] = [];
  socket.on('message', (data) => heard.push(String(data)));
  socket.send(first);
  await client.event('session');
  const end = (): Promise<unknown> => {
    client.client.close();
    socket.terminate();
    return new Promise((resolve) => http.close(resolve));
  };
  return { client, socket, heard, end };
}

const data = { from: alice, requestId: 'r"1', method: 'offer', payload: 'p' };
const events: Record<string, [keyof ClientEvents, object]> = {
  'remote data, plain': ['message', { ...data, id: '' }],
  'remote data, rejoin.v1': ['message', { ...data, id: '7-12' }],
  'the first of an epoch': ['message', { ...data, id: '7-0' }],
  'already connected': ['peer', { id: alice, change: 'alreadyConnected', undelivered: [] }],
  'just connected': ['peer', { id: alice, change: 'connected', undelivered: [] }],
  suspended: ['peer', { id: alice, change: 'suspended', undelivered: [] }],
  resumed: ['peer', { id: alice, change: 'resumed', undelivered: [] }],
  disconnected: ['peer', { id: alice, change: 'disconnected', undelivered: [] }],
  'disconnected, nothing undelivered': ['peer', { id: alice, change: 'disconnected', undelivered: [] }],
  'disconnected, undelivered': ['peer', { id: alice, change: 'disconnected', undelivered: ['r"1', ''] }],
  'go away': ['goAway', { inMs: 2500, reason: 'drain' }],
  'store replaced': ['storeReplaced', { doubtful: [] }],
  'ice servers': ['iceServers', { iceServers: [{ urls: ['stun:h:3478'] }, { urls: ['turn:h:3478'], username: 'u', credential: 'c' }], ttlSeconds: 3600 }],
};
const answers: Record<string, string | undefined> = {
  confirmation: undefined, 'missing remote client': 'missingRemoteClient', 'mailbox full': 'mailboxFull',
};
const sessions: Record<string, object> = {
  session: { clientId: alice, resumed: false, reason: undefined, peers: [], graceMs: 60000, pingMs: 25000, maxMessageBytes: 65536 },
  'session with peers': { peers: [{ id: bob, state: 'live' }, { id: alice, state: 'suspended' }] },
  'session refused': { resumed: false, reason: 'expired' },
  'session resumed': {
    resumed: true, replay: 3, superseded: 1,
    undelivered: [{ peer: bob, requestIds: ['r"1', 'b'] }, { peer: alice, requestIds: ['r"1'] }],
  },
  'session resumed, nothing missed': { resumed: true, replay: 0, superseded: 0, undelivered: [] },
};

test('every message of the server is known here', () => {
  const known = [...Object.keys(events), ...Object.keys(answers), ...Object.keys(sessions), 'retry'];
  expect(golden.server.map(({ name }) => name).sort()).toEqual(known.sort());
});

test('messages of the server become events', async () => {
  for (const [name, [kind, event]] of Object.entries(events)) {
    const { client, socket, end } = await connect();
    socket.send(text('server', name));
    expect(await client.event(kind), name).toMatchObject(event);
    await end();
  }
});

test('session frames become the session', async () => {
  for (const [name, event] of Object.entries(sessions)) {
    const { client, end } = await connect(text('server', name));
    expect(await client.event('session'), name).toMatchObject(event);
    await end();
  }
});

test('answers settle the message they belong to; retry sends it again', async () => {
  for (const [name, code] of Object.entries(answers)) {
    const { client, socket, heard, end } = await connect();
    const answer = client.client.send({ to: bob!, method: 'offer', payload: '', requestId: 'r"1' }).then(() => undefined, (error: { code: string }) => error.code);
    socket.send(text('server', 'retry').replace('1500', '10'));
    while (heard.length < 2) await new Promise((resolve) => socket.once('message', resolve));
    expect(heard[1]).toBe(heard[0]);
    socket.send(text('server', name));
    expect(await answer, name).toBe(code);
    await end();
  }
});

test('messages of the client are what the server reads', async () => {
  const { client, socket, heard, end } = await connect();
  const to = bob!;
  void client.client.send({ to, method: 'offer', payload: 'é', requestId: 'r1' }).catch(() => {});
  void client.client.send({ to, method: 'answer', payload: '', requestId: 'r2' }).catch(() => {});
  void client.client.send({ to, method: 'iceCandidate', payload: '"\\\n', requestId: 'r3', note: [1] }).catch(() => {});
  while (heard.length < 3) await new Promise((resolve) => socket.once('message', resolve));
  socket.send(text('server', 'remote data, rejoin.v1'));
  client.client.ack(await client.event('message'));
  while (heard.length < 4) await new Promise((resolve) => socket.once('message', resolve));
  const resumed = await connect(text('server', 'session resumed, nothing missed'));
  while (resumed.heard.length < 1) await new Promise((resolve) => resumed.socket.once('message', resolve));
  expect([...heard, ...resumed.heard]).toEqual(golden.client.map((message) => message.text));
  await Promise.all([end(), resumed.end()]);
});
