import type { RejoinClient } from '../../client/src/index.js';
import { Negotiation } from '../../client/src/negotiation.js';
import { attempt, cancel, monotonic, repeat, type Timer } from '../../client/src/platform.js';

/** What the pages of a room say to each other over their data channels. Coordinates are those of the board. */
export type Word =
  | { type: 'hello'; name: string }
  | { type: 'pointer'; x: number; y: number }
  | { type: 'stroke'; id: string; color: number; from: number; points: number[] } // x, y, x, y, … from that number on
  | { type: 'ping'; at: number }
  | { type: 'pong'; at: number };

export interface MeshEvents {
  /** A channel has opened, or closed. */
  channel(id: string, open: boolean): void;
  word(id: string, word: Word): void;
  latency(id: string, ms: number): void;
  failed(error: unknown): void;
}

/** The connection to one peer of the room. */
class Leg {
  readonly negotiation: Negotiation;
  #channel: RTCDataChannel | undefined;
  #pulse: Timer;

  constructor(
    readonly id: string,
    client: RejoinClient,
    private readonly events: MeshEvents,
  ) {
    this.negotiation = new Negotiation({
      client, peer: id, onerror: events.failed,
      create: () => {
        const pc = new RTCPeerConnection({ iceServers: client.iceServers });
        this.#take(pc.createDataChannel('room', { negotiated: true, id: 0 }));
        return pc;
      },
    });
    this.#pulse = repeat(() => this.send({ type: 'ping', at: monotonic() }), 1000);
  }

  get isOpen(): boolean {
    return this.#channel?.readyState === 'open';
  }

  send(word: Word): void {
    if (this.isOpen) attempt(() => this.#channel!.send(JSON.stringify(word)), this.events.failed); // its buffer may be full
  }

  close(): void {
    cancel(this.#pulse);
    this.negotiation.close();
  }

  #take(channel: RTCDataChannel): void {
    this.#channel = channel;
    let opened = false;
    channel.onopen = () => this.events.channel(this.id, (opened = true));
    channel.onclose = () => opened && this.events.channel(this.id, this.isOpen);
    channel.onmessage = ({ data }: MessageEvent<string>) => {
      const word = attempt(() => JSON.parse(data) as Word | null);
      if (word?.type === 'ping') this.send({ type: 'pong', at: Number(word.at) });
      else if (word?.type === 'pong') this.events.latency(this.id, monotonic() - Number(word.at));
      else if (word) this.events.word(this.id, word);
    };
  }
}

/**
 * A connection to each other client of a room of equals.
 *
 * A page that comes, or comes back without its connections, calls everyone it finds; those answer. When two call each other at once, perfect
 * negotiation decides by their client ids. A client that lost its signaling only keeps its connections: nothing is done for it.
 */
export class Mesh {
  #legs = new Map<string, Leg>();

  constructor(
    private readonly client: RejoinClient,
    private readonly events: MeshEvents,
  ) {
    client.on('session', ({ resumed }) => {
      for (const id of [...this.#legs.keys()]) if (!resumed || !client.peers.has(id)) this.#leave(id); // under another id we are someone else
    });
    client.on('peer', ({ id, change }) => (change === 'disconnected' ? this.#leave(id) : this.#meet(id)));
    client.on('ended', () => this.close());
  }

  /** Calls every peer without a connection. */
  call(): void {
    for (const id of this.client.peers.keys()) {
      if (!this.#legs.has(id)) attempt(() => this.#meet(id).negotiation.start(), this.events.failed);
    }
  }

  isOpen(id: string): boolean {
    return this.#legs.get(id)?.isOpen ?? false;
  }

  /** To one peer, or to all whose channel is open. */
  send(word: Word, to?: string): void {
    for (const [id, leg] of this.#legs) if (to === undefined || to === id) leg.send(word);
  }

  close(): void {
    for (const id of [...this.#legs.keys()]) this.#leave(id);
  }

  #meet(id: string): Leg {
    const leg = this.#legs.get(id) ?? new Leg(id, this.client, this.events);
    this.#legs.set(id, leg);
    return leg;
  }

  #leave(id: string): void {
    this.#legs.get(id)?.close();
    this.#legs.delete(id);
  }
}
