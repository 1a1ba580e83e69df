import type { RejoinClient } from '../../client/src/index.js';
import { Negotiation } from '../../client/src/negotiation.js';
import { attempt } from '../../client/src/platform.js';
import { Channel, type ChannelEvents } from './channel.js';
import { show } from './dom.js';

/** The connection to the one peer that is talked to: the newest of the room. */
export class Peer {
  id = '';
  #negotiation: Negotiation | undefined;
  #channel: Channel | undefined;
  #receipts: { id: string; replayed: boolean }[] = [];

  constructor(
    private readonly client: RejoinClient,
    private readonly polite: boolean,
    private readonly relay: boolean,
    private readonly events: ChannelEvents,
  ) {}

  /** Talks to that peer from now on; '' to nobody. */
  meet(id: string): void {
    if (id === this.id) return;
    this.#negotiation?.close();
    this.#receipts = [];
    this.id = id;
    this.#negotiation = undefined;
    if (!id) return;
    this.#negotiation = new Negotiation({
      client: this.client, peer: id, polite: this.polite, create: () => this.#create(),
      onerror: failed,
    });
  }

  /** Begins a connection; the old one, if there is one, is closed. */
  start(): void {
    attempt(() => this.#negotiation?.start(), failed);
  }

  get pc(): RTCPeerConnection | undefined {
    return this.#negotiation?.pc;
  }

  send: Channel['send'] = (word) => this.#channel?.send(word) ?? false;

  /** Tells the other page what has arrived, as soon as there is a channel to tell it over. */
  receipt(id: string, replayed: boolean): void {
    this.#receipts.push({ id, replayed });
    this.flush();
  }

  flush(): void {
    if (this.#receipts.length && this.send({ type: 'receipts', receipts: this.#receipts })) this.#receipts = [];
  }

  #create(): RTCPeerConnection {
    const pc = new RTCPeerConnection({ iceServers: this.client.iceServers, ...(this.relay && { iceTransportPolicy: 'relay' }) });
    const channel = (this.#channel = new Channel(pc, {
      ...this.events,
      state: (open) => {
        if (this.#channel === channel) this.events.state(open);
      },
    }));
    show('channel', 'negotiating', 'connecting');
    show('news', 'Negotiating a connection.');
    return pc;
  }
}

/** Privacy settings, policies and some WebViews take WebRTC away. */
function failed(error: unknown): void {
  console.warn('negotiation', error);
  if (typeof RTCPeerConnection === 'undefined') show('news', 'This browser has no WebRTC, or it is switched off.');
}
