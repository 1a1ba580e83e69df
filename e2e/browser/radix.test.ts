import { randomBytes } from 'node:crypto';
import { ConnectorClient } from '@radixdlt/radix-connect-webrtc';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { RTCIceCandidate, RTCPeerConnection, RTCSessionDescription } from 'werift';
import { WebSocket } from 'ws';
import type { SocketConstructor } from '../../web/client/src/index.js';
import { rejoinWebSocket } from '../../web/client/src/websocket.js';
import { Proxy } from '../../web/client/test/proxy.js';
import { type Process, type Server, startRedis, startServer } from '../../web/client/test/server.js';

// The package that Radix' extension is made of, unchanged, as extension and as wallet. What it takes from outside is given to it:
// a WebSocket, and a WebRTC for Node from which its public STUN servers are kept away, for there is loopback only.

type Dependencies = NonNullable<Parameters<typeof ConnectorClient>[0]['dependencies']>;

class LoopbackConnection extends RTCPeerConnection {
  constructor() {
    super({ iceServers: [], iceUseIpv6: false, iceAdditionalHostAddresses: ['127.0.0.1'] });
  }

  /** No event comes from a connection that was closed (W3C WebRTC 1.0, section 4.4.3). From werift's one does, and the package, which
   * closes one to begin anew, would begin twice, and without end. */
  override close(): Promise<void> {
    this.onconnectionstatechange = this.oniceconnectionstatechange = this.onsignalingstatechange = null;
    return super.close();
  }
}
const WebRTC = { RTCPeerConnection: LoopbackConnection, RTCIceCandidate, RTCSessionDescription } as unknown as NonNullable<Dependencies['WebRTC']>;
const plain = WebSocket as unknown as NonNullable<Dependencies['WebSocket']>;
const adapter = rejoinWebSocket({
  WebSocket: WebSocket as unknown as SocketConstructor, silence: 300, answerTimeout: 300, backoff: { min: 20, max: 200 },
}) as unknown as NonNullable<Dependencies['WebSocket']>;

let redis: Process & { url: string };
let x: Server;
let y: Server;
const undo: (() => unknown)[] = [];
beforeAll(async () => {
  redis = await startRedis();
  [x, y] = await Promise.all([startServer({ REDIS_URL: redis.url }), startServer({ REDIS_URL: redis.url })]);
});
afterEach(async () => {
  for (const f of undo.splice(0).reverse()) await f();
});
afterAll(async () => {
  await Promise.all([x?.stop(), y?.stop()]);
  await redis?.stop();
});

function connect(source: 'wallet' | 'extension', url: string, password: Buffer, socket: NonNullable<Dependencies['WebSocket']>) {
  const target = source === 'wallet' ? 'extension' : 'wallet';
  const client = ConnectorClient({ source, target, isInitiator: source === 'extension', negotiationTimeout: 10_000, dependencies: { WebRTC, WebSocket: socket } });
  undo.push(() => client.destroy());
  client.setConnectionConfig({ signalingServerBaseUrl: url });
  void client.setConnectionPassword(password);
  client.connect();
  return client;
}

const opened = (client: ReturnType<typeof connect>): Promise<void> =>
  new Promise((resolve) => {
    const subscription = client.connected$.subscribe((connected) => {
      if (!connected) return;
      resolve();
      queueMicrotask(() => subscription.unsubscribe());
    });
  });

/** The channel opens and carries a message each way. */
async function talk(extension: ReturnType<typeof connect>, wallet: ReturnType<typeof connect>): Promise<void> {
  await Promise.all([opened(extension), opened(wallet)]);
  for (const [from, to] of [[extension, wallet], [wallet, extension]] as const) {
    const came = new Promise((resolve) => to.onMessage$.subscribe(resolve));
    await from.sendMessage({ hello: 'there' });
    expect(await came).toEqual({ hello: 'there' });
  }
}

/** 20 rounds, five at a time: most of a round is waiting. */
async function twenty(round: () => Promise<void>): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await Promise.all(Array.from({ length: 5 }, round));
    for (const f of undo.splice(0).reverse()) await f();
  }
}

test('radix-connect-webrtc opens its channel, 20 of 20', () =>
  twenty(async () => {
    const password = randomBytes(32);
    await talk(connect('extension', `ws://127.0.0.1:${x.port}`, password, plain), connect('wallet', `ws://127.0.0.1:${y.port}`, password, plain));
  }), 120_000);

for (const [name, socket, how] of [
  ['', plain, 'reset'],
  [' through the adapter', adapter, 'reset'],
  [' through the adapter', adapter, 'cutSilently'],
] as const) {
  test(`radix-connect-webrtc${name} opens its channel while the wallet's socket is cut once (${how}), 20 of 20`, () =>
    twenty(async () => {
      const proxy = await Proxy.start(y.port);
      undo.push(() => proxy.stop());
      const password = randomBytes(32);
      let cut = false;
      proxy.cutAfter('"method":"offer"', how, () => {
        proxy.target = x.port;
        cut = true;
      });
      const wallet = connect('wallet', proxy.url, password, socket);
      await talk(connect('extension', `ws://127.0.0.1:${x.port}`, password, plain), wallet);
      expect(cut).toBe(true);
    }), 120_000);
}
