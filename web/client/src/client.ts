import { Acks } from './acks.js';
import { Auth } from './auth.js';
import { backoff } from './backoff.js';
import { Emitter } from './emitter.js';
import { finalError, RejoinError, unauthorized } from './errors.js';
import type { ClientEvents, ClientState, MessageEvent, Peer, PeerEvent } from './events.js';
import { Link, type LinkEnd, type LinkOwner, opens } from './link.js';
import { type ClientOptions, endpoint, type Settings, withDefaults } from './options.js';
import { Outbox } from './outbox.js';
import { attempt, byteLength, cancel, later, monotonic, repeat, sleepDetector, type Timer } from './platform.js';
import { asPosition, type Position } from './storage.js';
import { watchPage } from './watch.js';
import * as wire from './wire.js';

/** A message to a peer. Further fields are relayed as they are. */
export interface OutgoingMessage {
  to: string;
  method: wire.Method;
  /** Any JSON value; null when left out. Peers of the plain dialect take strings only. */
  payload?: unknown;
  /** Within how many milliseconds, 1 to 3,600,000, it is delivered or not at all: then the undelivered event comes (rule R11.5). */
  ttlMs?: number;
  /** Unique within the session; made up when left out. */
  requestId?: string;
  [field: string]: unknown;
}

/** How far back a confirmation is doubtful when Redis is replaced: replicas rarely lag by more. */
const doubtMs = 10_000;

const peerChanges: Record<wire.PeerInfo, PeerEvent['change']> = {
  remoteClientIsAlreadyConnected: 'alreadyConnected',
  remoteClientJustConnected: 'connected',
  remoteClientSuspended: 'suspended',
  remoteClientResumed: 'resumed',
  remoteClientDisconnected: 'disconnected',
};

/**
 * One participant of a room. It connects when it is made, and outlives its connections: a lost one is resumed, what was not
 * confirmed is sent again, and what was missed is received, once and in order.
 *
 *     connecting ──► open ──lost──► waiting ──back-off, online, visible──► connecting
 *                      └─ close, detach, a final close code (rules X1), a platform that refuses ─► ended
 *
 * Nothing that a platform refuses is thrown at the application: it works without, or ends with a RejoinError.
 */
export class RejoinClient extends Emitter<ClientEvents> implements LinkOwner {
  /** The peers in the room, oldest first. */
  readonly peers = new Map<string, wire.PeerState>();
  /** Our role, and that of our peers. */
  readonly role: wire.Role;
  readonly target: wire.Role;
  /** Our id as peers know it; empty in the plain dialect, where it is never told. */
  clientId = '';
  /** The STUN and TURN servers to use; empty where the operator has set none. */
  iceServers: wire.IceServer[] = [];

  #settings: Settings;
  #auth: Auth;
  #users = new Map<string, string>(); // of peers, where tokens say who they are
  #state: ClientState = 'connecting';
  #link: Link | undefined; // what is written to, or the attempt
  #next: Link | undefined; // the attempt to move away from #link
  #moved = false; // such an attempt was made: it may have fenced #link
  #position: Position | undefined;
  #hadSession = false;
  #wasOpen = false; // the platform takes our URLs
  #error: RejoinError | undefined;
  #replay = 0; // messages still to come from the mailbox
  #maxBytes = 0;
  #silence = 37_500;
  #attempts = 0; // picks the URL
  #failures = 0; // picks the back-off
  #made = 0;
  #prefix = `${Math.random().toString(36).slice(2, 12)}-`;
  #timer: Timer; // the next attempt, or the move
  #step = 0; // raised so that what is still being awaited is ignored
  #pulse: Timer;
  #probedAt: number | undefined;
  #slept: () => boolean;
  #excused = false; // the last beat came late
  #unwatch: () => void;
  #acks: Acks;
  #outbox: Outbox;

  constructor(options: ClientOptions) {
    super();
    this.#settings = withDefaults(options);
    const { ack, outbox, storage, answerTimeout, auth, connectTimeout, role, target } = this.#settings;
    this.role = role;
    this.target = target;
    this.#auth = new Auth(auth, connectTimeout);
    this.#acks = new Acks(ack.every, ack.after, (frame) => {
      if (this.#link?.dialect === 'rejoin.v1') this.#link.send(frame);
    });
    this.#outbox = new Outbox(outbox, (data) => this.#state === 'open' && !!this.#link?.send(data));
    this.#position = this.#settings.dialect === 'plain' ? undefined : storage.load();
    this.#hadSession = !!this.#position;
    this.#acks.reset(this.#position?.after ?? '');
    this.#unwatch = watchPage(() => this.wake());
    this.#slept = sleepDetector(answerTimeout);
    this.#pulse = repeat(() => this.#beat(), Math.min(1_000, answerTimeout / 4));
    void Promise.resolve().then(() => this.#connect()); // so that listeners can be added first
  }

  get state(): ClientState {
    return this.#state;
  }

  /** Why it ended; undefined before. */
  get error(): RejoinError | undefined {
    return this.#error;
  }

  get dialect(): 'rejoin.v1' | 'plain' | undefined {
    return this.#state === 'open' ? this.#link?.dialect : undefined;
  }

  /** What is known of a peer; undefined when there is none with that id. */
  peer(id: string): Peer | undefined {
    const state = this.peers.get(id);
    return state && { id, state, role: this.target, user: this.#users.get(id) };
  }

  /** Resolves when the message is stored in the mailbox of its peer; rejects with a RejoinError. It survives reconnects. */
  send({ to, method, payload, requestId, ...rest }: OutgoingMessage): Promise<void> {
    const id = requestId ?? this.#prefix + ++this.#made;
    let error: unknown;
    const text = attempt(() => wire.encodeMessage(id, method, to, payload, rest), (cause) => (error = cause));
    return text ? this.sendRaw(id, text) : Promise.reject(new RejoinError('validation', 'cannot be written as JSON', {}, { cause: error }));
  }

  /** The same for a message that is JSON already. */
  sendRaw(requestId: string, text: string): Promise<void> {
    if (this.#error) return Promise.reject(this.#error);
    if (this.#maxBytes && byteLength(text) > this.#maxBytes) {
      return Promise.reject(new RejoinError('tooBig', `more than ${this.#maxBytes} bytes`));
    }
    return this.#outbox.add(requestId, text);
  }

  /** With manualAck: message, and all before it, need not come again. */
  ack(message: Pick<MessageEvent, 'id'>): void {
    if (!message.id || this.#state === 'ended') return;
    this.#acks.handle(message.id);
    this.#save();
  }

  /** Ends the session: peers hear that this client has left. */
  close(): void {
    this.#settings.storage.save((this.#position = undefined));
    this.#finish(new RejoinError('closed', 'closed'), 1000);
  }

  /** Lets go of the connection and keeps the session for the grace window; the storage has its position. */
  detach(): void {
    this.#acks.flush();
    this.#finish(new RejoinError('closed', 'detached'), 4000);
  }

  /** Closes the connection, as a network would; the client comes back by itself after inMs at least. */
  reconnect(inMs = 0): void {
    if (this.#state === 'ended') return;
    this.#link?.close();
    this.#next?.close();
    this.#link = this.#next = undefined;
    this.#lost({ code: 4000, reason: 'reconnect' }, inMs);
  }

  /** Tries at once when waiting, and probes the connection when open. Called by itself when the network goes or comes back, or the page does. */
  wake(): void {
    if (this.#state === 'waiting') this.#connect();
    else if (this.#state === 'open') this.#probe();
  }

  #setState(state: ClientState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.emit('state', state);
  }

  /** Makes an attempt; first gets the token, where the application has one to give. */
  #dial(then: (link: Link | RejoinError) => void): void {
    if (!this.#auth.isWanted) return then(this.#open(''));
    this.#await(this.#auth.token(), (token) => then(this.#open(token)), (error) => then(new RejoinError('unauthorized', `no token: ${String(error)}`, {}, { cause: error })));
  }

  /** Continues once the promise has settled, unless the client has moved on or ended meanwhile. */
  #await<T>(promise: Promise<T>, then: (value: T) => void, otherwise: (error: unknown) => void): void {
    const step = ++this.#step;
    const isDue = (): boolean => step === this.#step && this.#state !== 'ended';
    promise.then((value) => isDue() && then(value), (error: unknown) => isDue() && otherwise(error));
  }

  /** An attempt at the next URL that the platform takes; why not, when it takes none of them. */
  #open(token: string): Link | RejoinError {
    const { urls, WebSocket, connectTimeout, dialect } = this.#settings;
    if (!WebSocket) return new RejoinError('blocked', 'no WebSocket here: give one as option WebSocket');
    // Browsers fail a connection whose server chooses no subprotocol: now and then a server without sessions gets its chance.
    const auto = dialect === 'auto' && !this.#hadSession;
    const plain = dialect === 'plain' || (auto && this.#failures % 3 === 2);
    const protocols = plain ? [] : wire.offerOf(this.#position);
    // A browser wants one of those that it offers to be chosen, and the token never is.
    if (token) protocols.push(...(plain ? ['plain'] : []), wire.tokenOffer(token));
    let error: unknown;
    for (const _ of urls) {
      const base = urls[this.#attempts++ % urls.length]!;
      const socket = attempt(() => new WebSocket(endpoint(base, this.#settings), protocols), (cause) => (error = cause));
      if (socket) return new Link(socket, this, connectTimeout, plain || auto);
    }
    return new RejoinError('blocked', `the platform refuses to connect: ${String(error)}`, {}, { cause: error });
  }

  #connect(): void {
    if (this.#state === 'ended') return;
    cancel(this.#timer);
    this.#setState('connecting');
    this.#moved = false;
    this.#dial((link) => {
      if (link instanceof Link) this.#link = link;
      else if (!this.#wasOpen && link.code === 'blocked') this.#finish(link);
      else this.#lost({ code: 1006, reason: link.message }); // it could once, or may have a token later: perhaps it can again
    });
  }

  /** Part of LinkOwner, for the link. */
  session(link: Link, frame: wire.SessionFrame): void {
    const { target: role } = this;
    const peers = frame.peers.map(({ remoteClientId: id, state, user }) => ({ id, state, role, user })); // first, for it throws when there are none
    const undelivered = (frame.undelivered ?? []).map((u) => ({ peer: u.remoteClientId, requestIds: u.requestIds }));
    if (link === this.#next) {
      this.#link?.close();
      this.#next = undefined;
    }
    this.#install(link);
    this.#hadSession = true;
    this.clientId = frame.clientId;
    this.#maxBytes = frame.maxMessageBytes;
    this.#silence = frame.pingMs * 1.5;
    if (!frame.resumed) this.#acks.reset('');
    this.#position = asPosition({ token: frame.resumeToken, after: this.#acks.handled });
    this.#save();
    this.#replay = frame.replay ?? 0;
    this.peers.clear();
    this.#users.clear();
    for (const { id, state, user } of peers) {
      this.peers.set(id, state);
      if (user) this.#users.set(id, user);
    }
    if (frame.resumed) this.#acks.flush();
    this.#setState('open');
    this.emit('session', {
      clientId: frame.clientId,
      resumed: frame.resumed,
      reason: frame.reason,
      replay: this.#replay,
      superseded: frame.superseded ?? 0,
      peers,
      undelivered,
      undeliveredTruncated: frame.undeliveredTruncated === true,
      graceMs: frame.graceMs,
      pingMs: frame.pingMs,
      maxMessageBytes: frame.maxMessageBytes,
    });
    this.#outbox.rewind();
  }

  /** Part of LinkOwner, for the link. */
  plain(link: Link): void {
    this.#install(link);
    this.peers.clear();
    this.#setState('open');
    this.emit('plain', {});
    this.#outbox.rewind();
  }

  #install(link: Link): void {
    this.#link = link;
    this.#failures = 0;
    this.#probedAt = undefined;
    this.#moved = false;
    this.#wasOpen = true;
    this.#auth.accepted();
    cancel(this.#timer);
  }

  /** Part of LinkOwner, for the link. */
  frame(link: Link, frame: wire.ServerFrame): void {
    if (link !== this.#link || this.#state === 'ended') return;
    this.#probedAt = undefined;
    switch (frame.info) {
      case 'remoteData':
        return this.#data(frame);
      case 'confirmation':
      case 'missingRemoteClientError':
      case 'mailboxFullError':
      case 'validationError':
      case 'retryError':
        return this.#answer(frame);
      case 'goAway':
        return this.#goAway(frame);
      case 'iceServers':
        this.iceServers = frame.iceServers;
        return this.emit('iceServers', { iceServers: frame.iceServers, ttlSeconds: frame.ttlSeconds });
      case 'undelivered':
        return this.emit('undelivered', { peer: frame.remoteClientId, requestId: frame.requestId, reason: frame.reason });
      case 'storeReplaced':
        return this.emit('storeReplaced', { doubtful: this.#outbox.confirmedSince(monotonic() - frame.agoMs - doubtMs) });
    }
    const change = peerChanges[frame.info as wire.PeerInfo];
    if (change) this.#peer(frame as wire.PeerFrame, change); // what is unknown is ignored (rule R1.7)
  }

  #data(frame: wire.DataFrame): void {
    const id = frame.id ?? '';
    const replayed = this.#replay > 0;
    if (id && replayed) this.#replay--;
    if (id && !this.#acks.receive(id)) return;
    const { method } = frame.data;
    const message = { id, from: frame.remoteClientId, requestId: frame.requestId, method, payload: wire.payloadOf(frame.data), raw: frame.data, replayed };
    this.emit('message', message);
    if (!this.#settings.manualAck) this.ack(message);
  }

  #answer({ info, requestId = '', retryInMs, error }: wire.AnswerFrame): void {
    if (info === 'retryError') this.#outbox.rewind(retryInMs);
    else if (info === 'confirmation') this.#outbox.settle(requestId);
    else if (info === 'mailboxFullError') this.#outbox.settle(requestId, new RejoinError('mailboxFull', 'the mailbox of the peer is full'));
    else if (info === 'validationError') this.#outbox.settle(requestId, new RejoinError('validation', 'not a valid message', { issues: error }));
    else this.#outbox.settle(requestId, new RejoinError('missingRemoteClient', 'no such peer in the room'));
  }

  #peer({ remoteClientId: id, user = this.#users.get(id), undelivered = [] }: wire.PeerFrame, change: PeerEvent['change']): void {
    if (change === 'disconnected') {
      this.peers.delete(id);
      this.#users.delete(id);
    } else {
      this.peers.set(id, change === 'suspended' ? 'suspended' : 'live');
      if (user) this.#users.set(id, user);
    }
    this.emit('peer', { id, change, role: this.target, user, undelivered });
  }

  /** Opens the next connection while this one still works (rule R7.1). */
  #goAway({ reconnectInMs: inMs, reason }: wire.GoAwayFrame): void {
    this.emit('goAway', { inMs, reason });
    if (this.#next || this.#link?.dialect !== 'rejoin.v1') return;
    if (reason === 'auth') this.#auth.forget();
    cancel(this.#timer);
    this.#timer = later(() => {
      this.#dial((link) => {
        if (!(link instanceof Link)) return; // the connection is used until it ends
        this.#moved = true;
        this.#next = link;
      });
    }, Math.random() * inMs);
  }

  /** Part of LinkOwner, for the link. */
  ended(link: Link, end: LinkEnd): void {
    if (link === this.#next) {
      this.#next = undefined;
      if (!link.isOpen) this.#auth.forget();
      if (!this.#link) this.#lost(end);
      return;
    }
    if (link !== this.#link) return;
    this.#link = undefined;
    const final = finalError(end.code, end.reason);
    this.#step++; // a token for the move comes too late
    if (this.#next) return this.#setState('connecting'); // the attempt to move goes on
    if (this.#auth.isWanted && (!link.isOpen || end.code === 4003)) return this.#refused(link, end);
    if (end.status === 401 || end.status === 403) return this.#finish(unauthorized(end));
    if (final && !(end.code === 4001 && this.#moved)) {
      if (end.code !== 4001) this.#settings.storage.save(undefined);
      return this.#finish(final);
    }
    this.#lost(end);
  }

  /** An attempt with a token failed, or the token has run out: another one may do. */
  #refused(link: Link, end: LinkEnd): void {
    if (link.isOpen && link.dialect) {
      this.#auth.forget();
      return this.#lost(end);
    }
    this.#await(this.#wasRefused(link, end), (refused) => {
      if (refused && this.#auth.refused()) this.#finish(unauthorized(end));
      else this.#lost(end);
    }, () => this.#lost(end));
  }

  /** Whether it was the token, and not the network or a busy server, that made an attempt fail. */
  #wasRefused(link: Link, { status }: LinkEnd): Promise<boolean> {
    if (link.isOpen || status) return Promise.resolve(link.isOpen || status === 401 || status === 403);
    const { WebSocket, connectTimeout, urls } = this.#settings;
    const base = urls[(this.#attempts - 1) % urls.length]!;
    // A bad role is reported after the upgrade, which needs no token then (rule A1.6).
    const socket = attempt(() => new WebSocket!(endpoint(base, { ...this.#settings, target: '-' }), [wire.subprotocol]));
    return socket ? opens(socket, connectTimeout) : Promise.resolve(false);
  }

  /** Plans the next attempt. */
  #lost(end: LinkEnd, inMs = 0): void {
    const { backoff: bounds } = this.#settings;
    this.#step++;
    if (this.#hadSession) this.#acks.stop();
    else this.#outbox.failAll(new RejoinError('unconfirmed', 'the connection ended before the answer', { closeCode: end.code }));
    // Accept, then close, would otherwise go round with the smallest of waits for ever.
    const n = this.#failures++ + (end.code === 1013 || end.code === 1011 ? 4 : 0);
    cancel(this.#timer);
    this.#timer = later(() => this.#connect(), inMs + backoff(n, bounds.min, bounds.max));
    this.#setState('waiting');
    this.emit('disconnected', end);
  }

  #finish(error: RejoinError, code?: number): void {
    if (this.#state === 'ended') return;
    cancel(this.#timer);
    cancel(this.#pulse);
    this.#unwatch();
    this.#acks.stop();
    this.#next?.close(code);
    this.#link?.close(code);
    this.#link = this.#next = undefined;
    this.#error = error;
    this.#setState('ended');
    this.#outbox.failAll(error);
    this.emit('ended', error);
  }

  /** Gives up a connection that owes an answer for too long, and probes one that is silent. */
  #beat(): void {
    if (this.#state !== 'open' || !this.#link) return;
    const { answerTimeout, silence } = this.#settings;
    const now = monotonic();
    // What came while the page was frozen or the machine slept is read only now. In a page whose timers are throttled every beat is
    // late: the second in a row judges.
    this.#excused = this.#slept() && !this.#excused;
    if (this.#excused) return this.#probe();
    if (this.#probedAt !== undefined && now - this.#probedAt > answerTimeout) return this.#link.drop('silent');
    const owed = this.#outbox.oldestSentAt;
    const isOwed = owed !== undefined && now - owed > answerTimeout && now - this.#link.heardAt > answerTimeout;
    if (isOwed || now - this.#link.heardAt > (silence || this.#silence)) this.#probe();
  }

  /** A browser can send no ping: a message that is answered at once stands in. The plain dialect has none. */
  #probe(): void {
    if (this.#probedAt !== undefined || this.#link?.dialect !== 'rejoin.v1') return;
    if (this.#link.send(wire.probe)) this.#probedAt = monotonic();
  }

  #save(): void {
    if (!this.#position) return;
    this.#position = { token: this.#position.token, after: this.#acks.handled };
    this.#settings.storage.save(this.#position);
  }
}
