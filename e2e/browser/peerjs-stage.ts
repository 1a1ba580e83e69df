import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DataConnection, MediaConnection, Peer, PeerOptions } from 'peerjs';
import type { Page } from 'playwright-core';
import type { Proxy } from '../../web/client/test/proxy.js';
import { freePort, Process, printed, startRedis, startServer } from '../../web/client/test/server.js';
import type { Stage } from './stage.js';

// npm peerjs, unmodified, in pages of another origin, against a server that is told by its name.

interface Instance {
  port: number;
  /** Kills it: nothing is said to its clients. */
  stop(): Promise<void>;
}

export interface Subject {
  name: string;
  /** It gives a client that is back its place, and what it missed, when it had not noticed that it was away. */
  bringsBack: boolean;
  /** Its instances, at least one, and how one more is started. With discovery clients may list all ids. */
  start(discovery: boolean): Promise<{ instances: Instance[]; another(): Promise<Instance>; stop(): Promise<unknown> }>;
}

const bin = fileURLToPath(new URL('node_modules/peer/dist/bin/peerjs.js', import.meta.url));

async function startPeerServer(discovery: boolean): Promise<Instance> {
  const port = await freePort();
  const child = spawn(process.execPath, [bin, '--port', `${port}`, '--host', '127.0.0.1', `--allow_discovery=${discovery}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  await printed(child, /Started PeerServer/);
  return Object.assign(new Process(child), { port });
}

function rejoin(count: number): Subject['start'] {
  return async (discovery) => {
    const redis = await startRedis();
    const another = () => startServer({ REDIS_URL: redis.url, PEERJS_PATH: '/', PEERJS_DISCOVERY: `${discovery}` });
    return { instances: await Promise.all(Array.from({ length: count }, another)), another, stop: () => redis.stop() };
  };
}

export const subjects: Subject[] = [
  { name: 'PeerServer', bringsBack: false, start: async (discovery) => ({ instances: [await startPeerServer(discovery)], another: () => startPeerServer(discovery), stop: async () => {} }) },
  { name: 'Rejoin', bringsBack: true, start: rejoin(1) },
  { name: 'Rejoin, two instances', bringsBack: true, start: rejoin(2) },
];

/** A page in a profile of its own, behind a proxy of its own. */
export interface PeerPage {
  page: Page;
  proxy: Proxy;
  /** The number of the instance that the proxy leads to. */
  index: number;
}

export async function openPage(stage: Stage): Promise<PeerPage> {
  const [proxy, page] = [await stage.proxy({ port: 0 }), await stage.blank()];
  await page.context().grantPermissions(['local-network-access']); // else a page from elsewhere has to ask the user
  await page.route('http://app.localhost/**', (route) =>
    new URL(route.request().url()).pathname === '/' ? route.fulfill({ contentType: 'text/html', body: html }) : route.fulfill({ contentType: 'text/javascript', body: library }));
  await page.goto('http://app.localhost/');
  await page.evaluate(install, proxy.port);
  return { page, proxy, index: 0 };
}

/** A subject that runs, and the pages that it serves. */
export class Service {
  private constructor(
    private readonly instances: Instance[],
    private readonly another: () => Promise<Instance>,
    private readonly end: () => Promise<unknown>,
    private readonly pages: PeerPage[],
  ) {}

  /** The pages are spread over the instances. */
  static async start(subject: Subject, pages: PeerPage[], discovery = false): Promise<Service> {
    const { instances, another, stop } = await subject.start(discovery);
    const service = new Service(instances, another, stop, pages);
    for (const [i, page] of pages.entries()) service.#lead(page, i);
    return service;
  }

  async stop(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.stop()));
    await this.end();
  }

  /** The next connections of a page go to another instance, if there is one. */
  move(page: PeerPage): void {
    this.#lead(page, page.index + 1);
  }

  /** Kills the first instance. Its pages, which are returned, are led to another one; without another one they find nothing until back(). */
  async lose(): Promise<PeerPage[]> {
    const pages = this.pages.filter(({ index }) => index === 0);
    for (const { proxy } of pages) proxy.target = this.instances[1]?.port ?? 0;
    await this.instances[0]!.stop();
    return pages;
  }

  async back(): Promise<void> {
    this.instances[0] = await this.another();
    for (const { proxy } of this.pages) proxy.target ||= this.instances[0].port;
  }

  #lead(page: PeerPage, index: number): void {
    page.index = index % this.instances.length;
    page.proxy.target = this.instances[page.index]!.port;
  }
}

const library = readFileSync(fileURLToPath(new URL('node_modules/peerjs/dist/peerjs.min.js', import.meta.url)), 'utf8');
const html = '<!doctype html><meta charset=utf-8><link rel=icon href=data:,><script src=peerjs.js></script>';

/** What the tests use in a page. */
export interface InPage {
  /** A Peer that notes its events; resolves when it is open, or has its first error. */
  open(id?: string, options?: PeerOptions): Promise<Noted>;
  /** The Peer that was opened last, and all of them. */
  peer: Noted;
  all: Noted[];
  /** Resolves with what the event brings. */
  once<T>(source: object, event: string): Promise<T>;
  /** Calls connect, and resolves when it is open. */
  connect(id: string, options?: object): Promise<DataConnection>;
  /** A stream from a canvas on which something moves. */
  stream(): MediaStream;
  /** Resolves when pictures come from the stream. */
  moves(stream: MediaStream): Promise<void>;
}
export interface Noted extends Peer {
  seen: string[];
  incoming: DataConnection[];
  calls: MediaConnection[];
  data: unknown[];
}
declare global {
  var p: InPage; // eslint-disable-line no-var
}

/** Runs in the page. */
function install(port: number): void {
  const Library = (globalThis as unknown as { Peer: typeof Peer }).Peer;
  const once = <T>(source: object, event: string): Promise<T> => new Promise((resolve) => (source as Peer).once(event as 'open', resolve as never));
  globalThis.p = {
    peer: undefined as unknown as Noted,
    all: [],
    once,
    async open(id, options) {
      const peer = Object.assign(new Library(id as string, { host: 'localhost', port, config: { iceServers: [] }, ...options }), { seen: [], incoming: [], calls: [], data: [] } as object) as Noted;
      p.all.push((p.peer = peer));
      for (const event of ['open', 'disconnected', 'close'] as const) peer.on(event, () => peer.seen.push(event));
      peer.on('connection', (connection) => {
        peer.incoming.push(connection);
        connection.on('data', (data) => peer.data.push(data));
      });
      const { connect } = peer;
      peer.connect = (...args) => {
        const connection = connect.apply(peer, args);
        connection?.on('data', (data) => peer.data.push(data));
        return connection;
      };
      peer.on('call', (call) => peer.calls.push(call));
      peer.on('error', ({ type }) => peer.seen.push(type));
      await Promise.race([once(peer, 'open'), once(peer, 'error')]);
      return peer;
    },
    async connect(id, options) {
      const connection = p.peer.connect(id, options);
      await once(connection, 'open');
      return connection;
    },
    stream() {
      const canvas = document.createElement('canvas');
      Object.assign(canvas, { width: 64, height: 64 });
      const context = canvas.getContext('2d')!;
      setInterval(() => {
        context.fillStyle = `hsl(${Math.random() * 360} 80% 50%)`;
        context.fillRect(0, 0, 64, 64);
      }, 50);
      return canvas.captureStream(20);
    },
    async moves(stream) {
      const video = document.createElement('video');
      Object.assign(video, { srcObject: stream, muted: true });
      await video.play();
      for (let frames = 0; frames < 3; frames++) await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    },
  };
}
