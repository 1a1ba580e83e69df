import { randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';
import { type ClientEvents, type ClientOptions, type MessageEvent, RejoinClient, type RejoinError, type SocketConstructor } from '../src/index.js';

export const Socket = WebSocket as unknown as SocketConstructor;
export const newRoom = (): string => randomBytes(32).toString('hex');

/** A client whose events can be waited for: each wait sees all events since the client was made. */
export class Participant {
  readonly client: RejoinClient;
  readonly messages: MessageEvent[] = [];
  #events: { name: keyof ClientEvents; event: unknown }[] = [];
  #check = new Set<() => void>();

  constructor(options: Partial<ClientOptions> & Pick<ClientOptions, 'url' | 'room'>) {
    this.client = new RejoinClient({ WebSocket: Socket, backoff: { min: 10, max: 50 }, answerTimeout: 400, ...options });
    for (const name of ['state', 'session', 'plain', 'peer', 'message', 'goAway', 'iceServers', 'storeReplaced', 'undelivered', 'disconnected', 'ended'] as const) {
      this.client.on(name, (event) => {
        this.#events.push({ name, event });
        if (name === 'message') this.messages.push(event as MessageEvent);
        for (const check of this.#check) check();
      });
    }
  }

  /** The nth event (from 0) of that name that fits. */
  event<K extends keyof ClientEvents>(name: K, n = 0, fits: (event: ClientEvents[K]) => boolean = () => true): Promise<ClientEvents[K]> {
    return this.until(() => this.#events.filter((e) => e.name === name).map((e) => e.event as ClientEvents[K]).filter(fits)[n]);
  }

  /** Waits for the first value that is not undefined; looked at after each event. */
  until<T>(look: () => T | undefined): Promise<T> {
    return new Promise((resolve) => {
      const check = (): void => {
        const found = look();
        if (found === undefined) return;
        this.#check.delete(check);
        resolve(found);
      };
      this.#check.add(check);
      check();
    });
  }

  async payloads(count: number): Promise<unknown[]> {
    await this.until(() => (this.messages.length >= count ? true : undefined));
    return this.messages.map((message) => message.payload);
  }

  /** The first live peer. */
  peer(): Promise<string> {
    return this.until(() => [...this.client.peers].find(([, state]) => state === 'live')?.[0]);
  }

  candidate(to: string, payload: string, requestId?: string): Promise<void> {
    return this.client.send({ to, method: 'iceCandidate', payload, ...(requestId && { requestId }) });
  }

  /** The server has registered the client: a plain one is open before that, and hears of peers that came meanwhile as already connected. */
  async registered(): Promise<void> {
    const nobody = '8c4b2a8e-0000-4000-8000-000000000000';
    const { code } = (await this.candidate(nobody, '').catch((error: unknown) => error)) as RejoinError;
    if (code !== 'missingRemoteClient') throw new Error(`message to nobody: ${code}`);
  }
}
