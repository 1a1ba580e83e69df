import { afterEach } from 'vitest';
import { type ClientOptions, RejoinClient, type Socket } from '../src/index.js';

const undo: (() => void)[] = [];
afterEach(() => {
  for (const f of undo.splice(0).reverse()) f();
});

/** Replaces a global, or takes it away (undefined), until the test ends. A property whose get throws is as hostile as it comes. */
export function setGlobal(name: string, descriptor: PropertyDescriptor | undefined): void {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  Reflect.deleteProperty(globalThis, name);
  if (descriptor) Object.defineProperty(globalThis, name, { configurable: true, ...descriptor });
  undo.push(() => {
    Reflect.deleteProperty(globalThis, name);
    if (before) Object.defineProperty(globalThis, name, before);
  });
}

export const securityError = (): Error => new DOMException('refused by the platform', 'SecurityError');

/** A property that throws as soon as it is mentioned. */
export const forbidden: PropertyDescriptor = {
  get() {
    throw securityError();
  },
};

/** A socket whose server is the test. The platform around it is what these tests are about; real servers are elsewhere. */
export class FakeSocket implements Socket {
  static all: FakeSocket[] = [];
  protocol = 'rejoin.v1';
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly sent: { method?: string; requestId?: string }[] = [];
  closed: number | undefined;

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
    FakeSocket.all.push(this);
  }

  send(data: string): void {
    this.sent.push(JSON.parse(data) as { method?: string });
  }

  close(code?: number): void {
    this.closed = code;
  }

  /** What the server says. */
  say(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === 'string' ? frame : JSON.stringify(frame) } as never);
  }

  open(fields: object = {}): void {
    this.onopen?.({} as never);
    this.say({ info: 'session', clientId: 'me', resumeToken: 'token', resumed: false, peers: [], graceMs: 60_000, pingMs: 25_000, maxMessageBytes: 65_536, ...fields });
  }

  lose(code = 1006): void {
    this.onclose?.({ code, reason: '' } as never);
  }
}

/** A client on such sockets, whose listeners are there and whose first attempt has been made. */
export async function connect(options: Partial<ClientOptions> = {}): Promise<{ client: RejoinClient; socket: FakeSocket | undefined; log: string[] }> {
  FakeSocket.all = [];
  const client = new RejoinClient({ url: 'wss://one.example', room: 'ab'.repeat(32), source: 'wallet', WebSocket: FakeSocket, backoff: { min: 1, max: 2 }, ...options });
  undo.push(() => client.close());
  const log: string[] = [];
  client.on('state', (state) => log.push(state));
  client.on('disconnected', ({ reason }) => log.push(`disconnected: ${reason}`));
  client.on('ended', ({ code }) => log.push(`ended: ${code}`));
  await Promise.resolve().then(() => {});
  return { client, socket: FakeSocket.all[0], log };
}
