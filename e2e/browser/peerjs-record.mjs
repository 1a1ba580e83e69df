// npm run record: what npm peerjs sends to PeerServer, and PeerServer to it, into internal/peerjs/testdata/golden. Each file is a scene,
// recorded in the server's process, so its events have one order: that in which PeerServer saw and did them.
//
//   http          a request and its response
//   connect       a WebSocket, numbered by conn, and the URL it asked for
//   sent          a frame from the client; received: one from PeerServer
//   serverCloses  PeerServer closes the socket; closed: it is, with the code that came from the client (1005: none)
//   error         PeerServer ignored a frame
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { PeerServer } from 'peer';
import { chromium } from 'playwright-core';
import { WebSocketServer } from 'ws';

const out = new URL('../../internal/peerjs/testdata/golden/', import.meta.url);
const versionOf = (name) => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
const library = readFileSync(new URL('node_modules/peerjs/dist/peerjs.min.js', import.meta.url));

/** The response headers that a browser or a client looks at. */
const headersKept = ['content-type', 'access-control-allow-origin', 'vary'];

/** The page, which is of another origin than PeerServer, as it mostly is. */
const origin = 'http://app.localhost';
const answer = (route) =>
  new URL(route.request().url()).pathname === '/' ? route.fulfill({ contentType: 'text/html', body: '<!doctype html><meta charset=utf-8><link rel=icon href=data:,><script src=peerjs.js></script>' })
    : route.fulfill({ contentType: 'text/javascript', body: library });

/** PeerServer on a free port that notes what happens in `events`. */
async function startServer(events, options) {
  let sockets = 0;
  const createWebSocketServer = (wsOptions) => new WebSocketServer(wsOptions).on('connection', (socket, request) => {
    const conn = ++sockets;
    const { send, close } = socket;
    events.push({ what: 'connect', conn, url: request.url });
    socket.on('message', (data, binary) => events.push({ what: 'sent', conn, ...(binary && { binary }), frame: data.toString() }));
    socket.send = function (data, ...rest) {
      events.push({ what: 'received', conn, frame: data });
      return send.call(this, data, ...rest);
    };
    socket.close = function (code, ...rest) {
      if (!this._closeFrameReceived) events.push({ what: 'serverCloses', conn, ...(code && { code }) }); // else it is the answer to the client's
      return close.call(this, code, ...rest);
    };
    socket.on('close', (code) => events.push({ what: 'closed', conn, code }));
  });
  const server = await new Promise((resolve) => {
    const peers = PeerServer({ port: 0, host: '127.0.0.1', ...options, createWebSocketServer }, resolve);
    peers.on('error', (error) => events.push({ what: 'error', message: error.message })); // without a listener, a frame that is not JSON ends the process
  });
  server.prependListener('request', (request, response) => {
    const { url } = request; // Express changes it
    const { end } = response;
    response.end = function (body, ...rest) {
      const headers = Object.fromEntries(headersKept.filter((name) => response.hasHeader(name)).map((name) => [name, response.getHeader(name)]));
      events.push({ what: 'http', method: request.method, url, status: response.statusCode, headers, body: body ? body.toString() : '' });
      return end.call(this, body, ...rest);
    };
  });
  return { server, port: server.address().port };
}

// Runs in the page. `p` is what the scenes use: peers by name, and waiting.
function helpers(port) {
  window.p = {
    peers: {},
    options: { host: 'localhost', port, config: { iceServers: [] } },
    make(name, id, options) {
      const peer = (p.peers[name] = new Peer(id, { ...p.options, ...options }));
      peer.seen = [];
      for (const event of ['open', 'disconnected', 'close', 'error', 'connection', 'call']) peer.on(event, (about) => peer.seen.push([event, about?.type ?? about]));
      return peer;
    },
    once: (source, event) => new Promise((resolve) => source.once(event, resolve)),
    async open(name, id, options) {
      const peer = p.make(name, id, options);
      await p.once(peer, 'open');
      return peer;
    },
    /** A socket that is not the library's. */
    async raw(query) {
      const socket = new WebSocket(`ws://localhost:${port}/peerjs${query}`);
      const [frames, waiting] = [[], []];
      socket.onmessage = ({ data }) => (waiting.shift() ?? frames.push.bind(frames))(data);
      const closed = new Promise((resolve) => (socket.onclose = ({ code }) => resolve(code)));
      await new Promise((resolve) => (socket.onopen = socket.onerror = resolve));
      return { socket, closed, next: async () => frames.shift() ?? new Promise((resolve) => waiting.push(resolve)), send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)) };
    },
    stream() {
      const canvas = document.createElement('canvas');
      canvas.getContext('2d').fillRect(0, 0, 8, 8);
      return canvas.captureStream(5);
    },
  };
}

const scenes = {
  'server-gives-the-id': [{}, async () => {
    const peer = await p.open('ada', undefined, { pingInterval: 100 });
    await new Promise((resolve) => setTimeout(resolve, 250)); // two heartbeats
    peer.destroy();
  }],
  'path-and-key': [{ path: '/my/app', key: 'secret' }, async () => {
    const peer = await p.open('ada', undefined, { path: 'my/app', key: 'secret' });
    peer.destroy();
    await fetch(`http://localhost:${p.options.port}/my/app`);
  }],
  'data-connection': [{}, async () => {
    const [ada, bob] = [await p.open('ada', 'ada'), await p.open('bob', 'bob_2 b')];
    const connection = ada.connect('bob_2 b', { label: 'board', metadata: { name: 'Ada ✎ <Lovelace>', n: [1, 2.5, null, true] }, reliable: true, serialization: 'json' });
    const [theirs] = await Promise.all([p.once(bob, 'connection').then(async (other) => (await p.once(other, 'open'), other)), p.once(connection, 'open')]);
    connection.send({ hello: 'bob' });
    await p.once(theirs, 'data');
    for (const serialization of ['binary', 'raw', 'binary-utf8']) await p.once(ada.connect('bob_2 b', { serialization }), 'open');
    ada.destroy();
    bob.destroy();
  }],
  'media-call': [{}, async () => {
    const [ada, bob] = [await p.open('ada', 'ada'), await p.open('bob', 'bob')];
    bob.on('call', (call) => call.answer(p.stream()));
    const call = ada.call('bob', p.stream(), { metadata: { topic: 'board' } });
    await p.once(call, 'stream');
    call.close();
    ada.destroy();
    bob.destroy();
  }],
  'peer-unavailable': [{}, async () => {
    const ada = await p.open('ada', 'ada');
    ada.connect('nobody');
    await p.once(ada, 'error');
    ada.destroy();
  }],
  'the-called-comes-within-five-seconds': [{}, async () => {
    const ada = await p.open('ada', 'ada');
    const connection = ada.connect('bob');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const bob = await p.open('bob', 'bob');
    await Promise.all([p.once(bob, 'connection'), p.once(connection, 'open')]);
    ada.destroy();
    bob.destroy();
  }],
  'id-taken': [{}, async () => {
    const ada = await p.open('ada', 'ada');
    await p.once(p.make('other', 'ada'), 'error');
    ada.destroy();
  }],
  'invalid-key': [{ key: 'secret' }, async () => {
    await p.once(p.make('ada'), 'error');
  }],
  'too-many-clients': [{ concurrent_limit: 1 }, async () => {
    const ada = await p.open('ada', 'ada');
    await p.once(p.make('bob', 'bob'), 'error');
    ada.destroy();
  }],
  'disconnect-and-reconnect': [{}, async () => {
    const ada = await p.open('ada', 'ada');
    ada.disconnect();
    ada.reconnect();
    await p.once(ada, 'open');
    ada.destroy();
  }],
  'same-token-while-the-old-socket-is-open': [{}, async () => { // PeerServer sends no OPEN, and closes nothing
    const first = await p.raw('?key=peerjs&id=ada&token=t0&version=1.5.5');
    await first.next();
    const second = await p.raw('?key=peerjs&id=ada&token=t0&version=1.5.5');
    second.send({ type: 'OFFER', payload: { connectionId: 'c' }, dst: 'ada' });
    await second.next();
    first.socket.close();
    await first.closed;
    second.send({ type: 'OFFER', payload: { connectionId: 'd' }, dst: 'ada' });
    await second.next();
    second.socket.close();
    await second.closed;
  }],
  'list-refused': [{}, async () => {
    const ada = await p.open('ada', 'ada');
    ada.listAllPeers();
    await p.once(ada, 'error');
    ada.destroy();
  }],
  'list-allowed': [{ allow_discovery: true }, async () => {
    const [ada, bob] = [await p.open('ada', 'ada'), await p.open('bob', 'bob')];
    await new Promise((resolve) => ada.listAllPeers(resolve));
    ada.destroy();
    bob.destroy();
  }],
  'http': [{}, async () => {
    for (const [method, path] of [['GET', '/'], ['GET', '/peerjs/id'], ['GET', '/otherkey/id'], ['GET', '/peerjs/peers'], ['GET', '/peerjs/nothing'], ['GET', '/peerjs'], ['POST', '/peerjs/id'], ['OPTIONS', '/peerjs/id']]) {
      await fetch(`http://localhost:${p.options.port}${path}`, { method });
    }
  }],
  'parameters-missing': [{}, async () => {
    for (const query of ['', '?key=peerjs', '?key=peerjs&id=ada', '?key=peerjs&token=t', '?id=ada&token=t', '?key=&id=ada&token=t', '?key=wrong&id=ada&token=t']) {
      const socket = await p.raw(query);
      await socket.closed;
    }
  }],
  'frames-of-other-programs': [{}, async () => {
    const [ada, bob] = [await p.raw('?key=peerjs&id=ada&token=t1'), await p.raw('?id=b%20ob&token=t2&key=peerjs&version=0&other=1')];
    await Promise.all([ada.next(), bob.next()]);
    const arrives = async (message) => (ada.send(message), bob.next());
    await arrives({ type: 'OFFER', src: 'mallory', dst: 'b ob', payload: { connectionId: 'c', sdp: '<é>\u2028' }, extra: 1 });
    await arrives({ type: 'ANSWER', dst: 'b ob' });
    await arrives({ type: 'CANDIDATE', dst: 'b ob', payload: null });
    await arrives({ type: 'CANDIDATE', dst: 'b ob', payload: 'text' });
    await arrives({ type: 'LEAVE', dst: 'b ob' });
    await arrives({ type: 'EXPIRE', dst: 'b ob' });
    await arrives('{ "dst" : "b ob", "payload" : {"a": 1.0, "a": 1e2}, "type" : "OFFER" }');
    for (const ignored of ['', 'no json', '[]', 'null', '1', '{}', '{"type":"NOTHING","dst":"b ob"}', '{"type":"OFFER"}', '{"type":"HEARTBEAT","dst":"b ob"}', '{"type":"LEAVE","dst":"absent"}']) ada.send(ignored);
    await arrives({ type: 'OFFER', dst: 'b ob', payload: { last: true } });
    ada.send({ type: 'LEAVE' }); // gives the id up, the socket stays
    ada.send({ type: 'OFFER', dst: 'b ob', payload: { after: 'LEAVE' } });
    await bob.next();
    const again = await p.raw('?key=peerjs&id=ada&token=t3');
    await again.next();
    for (const { socket } of [ada, again, bob]) socket.close();
    await Promise.all([ada.closed, again.closed, bob.closed]);
  }],
};

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.REJOIN_CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
try {
  for (const [name, [options, play]] of Object.entries(scenes)) {
    const events = [];
    const { server, port } = await startServer(events, options);
    const page = await browser.newPage();
    await page.context().grantPermissions(['local-network-access']); // else a page from elsewhere has to ask the user
    await page.route(`${origin}/**`, answer);
    await page.goto(`${origin}/`);
    await page.evaluate(helpers, port);
    await page.evaluate(play);
    const open = () => events.filter(({ what }) => what === 'connect').length - events.filter(({ what }) => what === 'closed').length;
    for (const end = Date.now() + 5000; open() > 0 && Date.now() < end;) await new Promise((resolve) => setTimeout(resolve, 10));
    if (open() > 0) throw new Error(`${name}: a socket stays open`);
    await page.close();
    server.closeAllConnections();
    server.close();
    writeFileSync(new URL(`${name}.json`, out), JSON.stringify({ client: `peerjs ${versionOf('peerjs')}`, server: `peer ${versionOf('peer')}`, options, events }, null, 1) + '\n');
    console.log(`${name}: ${events.length} events`);
  }
} finally {
  await browser.close();
}
process.exit(0); // PeerServer's timers go on for ever
