import type { RejoinClient } from './client.js';
import type { MessageEvent } from './events.js';
import { callSafely } from './platform.js';
import type { Method } from './wire.js';

export interface NegotiationOptions {
  client: RejoinClient;
  /** The peer's remoteClientId. */
  peer: string;
  /** Of two offers that cross, the impolite side's stands. Exactly one side is polite: by default the one with the smaller client id. */
  polite?: boolean;
  /** Makes a connection with its tracks and channels; called again when the peer has begun anew, after a reload for example. */
  create: () => RTCPeerConnection;
  /** How a description or candidate becomes a payload and back; JSON by default. This is where to encrypt. */
  encode?: (signal: Signal) => string | Promise<string>;
  decode?: (payload: string) => Signal | Promise<Signal>;
  /** What could not be sent or applied. */
  onerror?: (error: unknown) => void;
}

/**
 * from and to name the two RTCPeerConnections, so that nothing meant for an earlier one reaches a later one. after, in an offer that
 * begins anew, is the last one of the other side that has been heard: its own offer, if it made one, is not going to be answered.
 */
export interface Signal {
  from: string;
  to?: string;
  after?: string;
  description?: RTCSessionDescriptionInit;
  candidate?: RTCIceCandidateInit;
}

/** The messages that are ours. What else a peer sends is the application's. */
const methods = new Set<Method>(['offer', 'answer', 'iceCandidate', 'iceCandidates']);

/** Perfect negotiation (W3C WebRTC 1.0, section 10.7) with one peer. close() it when the peer has disconnected. */
export class Negotiation {
  pc: RTCPeerConnection | undefined;
  #options: Required<Omit<NegotiationOptions, 'polite'>> & Pick<NegotiationOptions, 'polite'>;
  #ours = '';
  #theirs: string | undefined;
  #heard: string | undefined; // the last of theirs, over all of ours
  #makingOffer = false;
  #ignoring = false;
  /** Ends when pc is closed: what is asked of a closed connection is never answered, and must not hold up what comes behind it. */
  #gone: Promise<void> = Promise.resolve();
  #leave = (): void => {};
  #incoming: Promise<void> = Promise.resolve();
  #outgoing: Promise<void> = Promise.resolve();
  #unlisten: () => void;

  constructor(options: NegotiationOptions) {
    const { encode = JSON.stringify, decode = (text) => JSON.parse(text) as Signal, onerror = () => {} } = options;
    // A handler that throws must not end the chains below.
    this.#options = { ...options, encode, decode, onerror: (error) => callSafely(onerror, error) };
    this.#unlisten = options.client.on('message', (message) => {
      if (message.from === options.peer && methods.has(message.method)) this.#incoming = this.#incoming.then(() => this.#take(message)).catch(this.#options.onerror);
    });
  }

  /** Whether this side gives way when two offers cross. Any two clients of a room agree on it: their ids differ. */
  get polite(): boolean {
    return this.#options.polite ?? this.#options.client.clientId < this.#options.peer;
  }

  /** Makes the connection, whose tracks and channels then lead to an offer. The side that only answers need not call it. */
  start(): RTCPeerConnection {
    this.#drop();
    this.#gone = new Promise((resolve) => (this.#leave = resolve));
    this.#makingOffer = this.#ignoring = false;
    this.#theirs = undefined;
    const ours = (this.#ours = Math.random().toString(36).slice(2, 10));
    const pc = (this.pc = this.#options.create());
    pc.addEventListener('negotiationneeded', () => void this.#describe(pc, ours));
    pc.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate?.candidate) this.#send('iceCandidate', { from: ours, candidate: candidate.toJSON() });
    });
    pc.addEventListener('connectionstatechange', () => {
      if (pc.connectionState === 'failed' && !this.polite) pc.restartIce();
    });
    return pc;
  }

  close(): void {
    this.#unlisten();
    this.#drop();
  }

  #drop(): void {
    this.pc?.close();
    this.pc = undefined;
    this.#leave();
  }

  async #describe(pc: RTCPeerConnection, ours: string): Promise<void> {
    try {
      this.#makingOffer = true;
      await pc.setLocalDescription();
      if (pc === this.pc) this.#sendDescription(pc, ours);
    } catch (error) {
      if (pc === this.pc) this.#options.onerror(error);
    } finally {
      if (pc === this.pc) this.#makingOffer = false;
    }
  }

  async #take(message: MessageEvent): Promise<void> {
    const { from, to, after, description, candidate } = await this.#options.decode(message.payload);
    if (to && to !== this.#ours) return; // meant for a connection that is gone
    if (from !== this.#theirs && description?.type === 'offer') {
      if (this.#theirs || !this.pc || after === this.#ours) this.start(); // the peer has begun anew, or first
      this.#theirs = this.#heard = from;
    } else if (description && from !== this.#theirs) {
      // An answer to our offer by a later connection than the one we know: only a fresh connection of ours can take it.
      if (this.#theirs && this.pc?.remoteDescription) return void this.start();
      this.#theirs = this.#heard = from;
    }
    const pc = this.pc;
    if (!pc || from !== this.#theirs) return;
    const done = description
      ? this.#describeRemote(pc, description)
      : pc.addIceCandidate(candidate).catch((error: unknown) => this.#ignoring || Promise.reject(error));
    await Promise.race([done, this.#gone]);
  }

  async #describeRemote(pc: RTCPeerConnection, description: RTCSessionDescriptionInit): Promise<void> {
    const collision = description.type === 'offer' && (this.#makingOffer || pc.signalingState !== 'stable');
    this.#ignoring = !this.polite && collision;
    if (this.#ignoring) return;
    const ours = this.#ours;
    await pc.setRemoteDescription(description);
    if (description.type !== 'offer') return;
    await pc.setLocalDescription();
    this.#sendDescription(pc, ours);
  }

  #sendDescription(pc: RTCPeerConnection, from: string): void {
    const { type, sdp } = pc.localDescription!;
    this.#send(type === 'answer' ? 'answer' : 'offer', { from, description: { type, sdp } });
  }

  /** Encoding may take a while: one after the other keeps the order. */
  #send(method: Method, signal: Signal): void {
    const { client, peer, encode, onerror } = this.#options;
    if (this.#theirs) signal.to = this.#theirs;
    else if (this.#heard) signal.after = this.#heard;
    this.#outgoing = this.#outgoing
      .then(async () => {
        const payload = await encode(signal);
        client.send({ to: peer, method, payload }).catch(onerror);
      })
      .catch(onerror);
  }
}
