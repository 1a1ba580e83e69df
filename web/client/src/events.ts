import type { RejoinError } from './errors.js';
import type { IceServer, Method, PeerState, RelayedMessage, Role } from './wire.js';

export type ClientState =
  | 'connecting' // an attempt is under way
  | 'open' // messages pass
  | 'waiting' // the connection was lost; the next attempt comes by itself
  | 'ended'; // for good

/** A client of the room whose role is our target, and whose target is our role (rule R10.3). */
export interface Peer {
  id: string;
  state: PeerState;
  role: Role;
  /** Who it is, as its token says; undefined where the server asks for none (rule A1.7). */
  user: string | undefined;
}

/** A session is open on a new connection. peers replaces all that was known of them. */
export interface SessionEvent {
  clientId: string;
  /** The session from before: nothing was lost. Else a fresh one, and reason says why an earlier one could not be resumed. */
  resumed: boolean;
  reason: 'mismatch' | 'expired' | 'unknown' | 'lost' | undefined;
  /** How many messages from the mailbox follow, those taken before included, and how many were left out (rules S1). */
  replay: number;
  superseded: number;
  peers: Peer[];
  /** Messages to peers whose grace window ended while this client was away. */
  undelivered: { peer: string; requestIds: string[] }[];
  /** There were more than the server keeps. */
  undeliveredTruncated: boolean;
  graceMs: number;
  pingMs: number;
  maxMessageBytes: number;
}

export interface PeerEvent {
  id: string;
  change: 'alreadyConnected' | 'connected' | 'suspended' | 'resumed' | 'disconnected';
  role: Role;
  user: string | undefined;
  /** With disconnected: messages it never acknowledged, by request id. */
  undelivered: string[];
}

export interface MessageEvent {
  /** The mailbox entry; empty in the plain dialect. */
  id: string;
  /** The peer's id; 'server' for what the operator sends, which cannot be answered (rule A3.2). */
  from: string;
  requestId: string;
  method: Method;
  /** Any JSON value: what the peer gave to send(). It comes from someone else, so look before you rely on its shape. */
  payload: any;
  /** The whole message as the peer sent it, unknown fields included. */
  raw: RelayedMessage;
  /** It waited in the mailbox while this client was away. */
  replayed: boolean;
}

export interface ClientEvents {
  state: ClientState;
  session: SessionEvent;
  /** A connection of the plain dialect is open: peers are announced anew. */
  plain: Record<string, never>;
  peer: PeerEvent;
  message: MessageEvent;
  /** A message that had a ttlMs is not going to be delivered: its peer did not acknowledge it in time (rule R11.6). */
  undelivered: { peer: string; requestId: string; reason: 'expired' };
  /** The server asked to move; the client does so by itself, with a fresh token when the reason is auth. */
  goAway: { inMs: number; reason: 'drain' | 'rotate' | 'auth' };
  /** To be used for new connections and ICE restarts, for ttlSeconds from now. */
  iceServers: { iceServers: IceServer[]; ttlSeconds: number };
  /** Another Redis took the place of the one before: these messages were confirmed so late that they may be lost (rule R9.1). */
  storeReplaced: { doubtful: string[] };
  /** The connection was lost. */
  disconnected: { code: number; reason: string };
  ended: RejoinError;
}
