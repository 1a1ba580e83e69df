import { RejoinClient } from './client.js';
import type { RejoinError } from './errors.js';
import type { PeerEvent } from './events.js';
import type { ClientOptions } from './options.js';
import { attempt, callSafely, later } from './platform.js';
import type { RelayedMessage } from './wire.js';

/** Everything but what the address says. */
export type AdapterOptions = Omit<ClientOptions, 'url' | 'room' | 'source' | 'role' | 'target'>;

const plainInfo: Partial<Record<PeerEvent['change'], string>> = {
  alreadyConnected: 'remoteClientIsAlreadyConnected',
  connected: 'remoteClientJustConnected',
  disconnected: 'remoteClientDisconnected',
};

const answerInfo: Partial<Record<RejoinError['code'], string>> = {
  missingRemoteClient: 'missingRemoteClientError',
  mailboxFull: 'missingRemoteClientError',
  validation: 'validationError',
};

/**
 * What looks like a WebSocket of the plain dialect and is a session underneath: code that knows nothing of sessions speaks
 * plain to it, and is not told when the connection is lost and comes back. close() ends the session.
 */
export class RejoinWebSocket extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readonly extensions = '';
  readonly protocol = '';
  readonly bufferedAmount = 0;
  binaryType: BinaryType = 'blob';
  readyState = 0;
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: Event & { data: string }) => void) | null = null;
  onclose: ((event: Event & { code: number; reason: string; wasClean: boolean }) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  /** For what a WebSocket cannot say: states, reconnect(), ICE servers. */
  readonly client: RejoinClient;

  #known = new Set<string>();

  /** url is ws://host/<connectionId>?source=…&target=…, or ws://host/rooms/<name>?…; protocols are ignored. */
  constructor(readonly url: string, _protocols?: string | string[], options: AdapterOptions = {}) {
    super();
    const parsed = attempt(() => new URL(url));
    if (!parsed) throw new DOMException(`${url} is no URL`, 'SyntaxError'); // as a WebSocket does
    const { origin, pathname, searchParams } = parsed;
    const [, prefix = '', room = ''] = /^(.*?)(?:\/rooms)?\/([^/]*)$/.exec(pathname) ?? [];
    const role = searchParams.get('source') ?? 'peer';
    const target = searchParams.get('target') ?? undefined;
    this.client = new RejoinClient({ ...options, url: origin + prefix, room, role, ...(target && { target }) });
    this.client.on('session', ({ peers }) => this.#session(peers.filter((peer) => peer.state === 'live').map((peer) => peer.id)));
    this.client.on('plain', () => this.#session([]));
    this.client.on('peer', (event) => this.#peer(event));
    this.client.on('message', ({ raw, from, requestId }) => {
      this.#emit({ info: 'remoteData', data: raw, remoteClientId: from, requestId });
    });
    this.client.on('ended', (error) => this.#closed(error));
  }

  send(data: string): void {
    if (this.readyState === 0) throw new DOMException('still connecting', 'InvalidStateError');
    if (this.readyState !== 1) return;
    const { requestId, ...refused } = parse(data);
    if (typeof requestId !== 'string') return void Promise.resolve().then(() => this.#emit(refused));
    this.client.sendRaw(requestId, data).then(
      () => this.#emit({ info: 'confirmation', requestId }),
      (error: RejoinError) => {
        const info = answerInfo[error.code];
        if (info) this.#emit({ info, requestId, error: error.details.issues });
      },
    );
  }

  close(): void {
    if (this.readyState < 2) this.readyState = 2;
    this.client.close();
  }

  /** Presence is told as differences: a plain client begins anew when a peer is announced twice. */
  #session(live: string[]): void {
    for (const id of this.#known) if (!this.client.peers.has(id)) this.#peer({ id, change: 'disconnected' });
    const first = this.readyState === 0;
    if (first) {
      this.readyState = 1;
      this.#dispatch('open', {});
    }
    for (const id of live) this.#peer({ id, change: first ? 'alreadyConnected' : 'connected' });
  }

  #peer({ id, change }: Pick<PeerEvent, 'id' | 'change'>): void {
    if (change === 'suspended') return;
    if (change === 'disconnected' ? !this.#known.delete(id) : this.#known.has(id)) return;
    if (change !== 'disconnected') this.#known.add(id);
    this.#emit({ info: plainInfo[change] ?? 'remoteClientJustConnected', remoteClientId: id });
  }

  #emit(frame: object): void {
    if (this.readyState === 1) this.#dispatch('message', { data: JSON.stringify(frame) });
  }

  /** As with a WebSocket no event comes while a method is being called: the caller of close() may not be ready for it. */
  #closed({ code, details, message: reason }: RejoinError): void {
    this.readyState = 2;
    later(() => {
      this.readyState = 3;
      const wasClean = code !== 'blocked';
      if (!wasClean) this.#dispatch('error', {});
      this.#dispatch('close', { code: details.closeCode ?? (wasClean ? 1000 : 1006), reason, wasClean });
    });
  }

  /** A handler that throws keeps no other from being called, as with a WebSocket. */
  #dispatch(type: 'open' | 'message' | 'error' | 'close', fields: object): void {
    const event = Object.assign(new Event(type), fields);
    this.dispatchEvent(event);
    const handler = this[`on${type}`] as ((event: Event) => void) | null;
    if (handler) callSafely(handler, event);
  }
}

/** The constructor that code with an injected WebSocket calls: `new Socket(url)`. */
export function rejoinWebSocket(options: AdapterOptions): new (url: string, protocols?: string | string[]) => RejoinWebSocket {
  return class extends RejoinWebSocket {
    constructor(url: string, protocols?: string | string[]) {
      super(url, protocols, options);
    }
  };
}

/** A message with a request id, or the answer to what is none. */
function parse(data: string): Partial<RelayedMessage> {
  try {
    const message = JSON.parse(data) as RelayedMessage | null;
    if (typeof message?.requestId === 'string') return message;
    return { info: 'validationError', error: [] };
  } catch {
    return { info: 'invalidMessageError', data, error: 'invalid message format, expected JSON' };
  }
}
