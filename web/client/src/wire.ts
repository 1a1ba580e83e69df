/** The messages of docs/protocol.md, as they stand on the wire. */

/** A lower-case letter, then up to 15 letters, digits and hyphens (rule R10.2). The three named here have default targets. */
export type Role = 'peer' | 'wallet' | 'extension' | (string & {});
/** Those of WebRTC, which an offer supersedes, or any other: a letter, then up to 31 letters, digits and `_.-` (rule R11.2). */
export type Method = 'offer' | 'answer' | 'iceCandidate' | 'iceCandidates' | (string & {});
export type PeerState = 'live' | 'suspended';

/** An RTCIceServer (W3C WebRTC 1.0, section 4.2.4), declared here so that no DOM types are needed. */
export interface IceServer {
  urls: string[];
  username?: string;
  credential?: string;
}

/** The first frame of a rejoin.v1 connection (rules R1.2 and R3.3). */
export interface SessionFrame {
  info: 'session';
  clientId: string;
  resumeToken: string;
  resumed: boolean;
  reason?: 'mismatch' | 'expired' | 'unknown' | 'lost';
  replay?: number;
  superseded?: number;
  peers: { remoteClientId: string; state: PeerState; user?: string }[];
  undelivered?: { remoteClientId: string; requestIds: string[] }[];
  undeliveredTruncated?: boolean;
  graceMs: number;
  pingMs: number;
  maxMessageBytes: number;
}

/** What peers relay to each other (rules P4 and R11). One of the two payloads is there. Unknown fields are relayed too. */
export interface RelayedMessage {
  requestId: string;
  method: Method;
  targetClientId: string;
  encryptedPayload?: string;
  payload?: unknown;
  ttlMs?: number;
  [field: string]: unknown;
}

export interface DataFrame {
  info: 'remoteData';
  data: RelayedMessage;
  remoteClientId: string;
  requestId: string;
  /** The mailbox entry; absent in the plain dialect. */
  id?: string;
}

export type PeerInfo =
  | 'remoteClientIsAlreadyConnected'
  | 'remoteClientJustConnected'
  | 'remoteClientSuspended'
  | 'remoteClientResumed'
  | 'remoteClientDisconnected';

export interface PeerFrame {
  info: PeerInfo;
  remoteClientId: string;
  user?: string;
  undelivered?: string[];
}

/** A message of ours was not acknowledged within its ttlMs (rule R11.6). */
export interface UndeliveredFrame {
  info: 'undelivered';
  requestId: string;
  remoteClientId: string;
  reason: 'expired';
}

export interface AnswerFrame {
  info: 'confirmation' | 'missingRemoteClientError' | 'mailboxFullError' | 'retryError' | 'validationError';
  requestId?: string;
  retryInMs?: number;
  error?: unknown;
}

export interface GoAwayFrame {
  info: 'goAway';
  reconnectInMs: number;
  reason: 'drain' | 'rotate' | 'auth';
}

export interface IceServersFrame {
  info: 'iceServers';
  iceServers: IceServer[];
  ttlSeconds: number;
}

export interface StoreReplacedFrame {
  info: 'storeReplaced';
  agoMs: number;
}

export type ServerFrame = SessionFrame | DataFrame | PeerFrame | AnswerFrame | GoAwayFrame | IceServersFrame | StoreReplacedFrame | UndeliveredFrame;

export const subprotocol = 'rejoin.v1';

/** What to offer as subprotocols to open a session, or to resume one (rules R1.1 and R3.1). */
export function offerOf(position: { token: string; after: string } | undefined): string[] {
  if (!position) return [subprotocol];
  const offer = [subprotocol, `rejoin.resume.${position.token}`];
  return position.after ? [...offer, `rejoin.after.${position.after}`] : offer;
}

/** What shows a token to the server, beside what else is offered (rule A1.1). */
export const tokenOffer = (token: string): string => `rejoin.auth.${token}`;

export const encodeAck = (id: string): string => `{"method":"ack","id":"${id}"}`;

/** An acknowledgement without its id: the server answers with a validationError at once (rule R2.6), which proves that it is there. */
export const probe = '{"method":"ack"}';

/** A string goes as encryptedPayload, which every peer understands; any other JSON value as payload (rule R11.1). */
export function encodeMessage(requestId: string, method: Method, targetClientId: string, payload: unknown, rest: Record<string, unknown>): string {
  const content = typeof payload === 'string' ? { encryptedPayload: payload } : { payload: payload ?? null };
  const message = { requestId, method, targetClientId, ...content };
  return JSON.stringify({ ...message, ...rest, ...message }); // in this order, whatever further fields are called
}

/** What was sent, whichever way. */
export const payloadOf = ({ payload, encryptedPayload }: RelayedMessage): unknown => (payload === undefined ? encryptedPayload : payload);

/** Orders the entries of one session (rule R2.1): both numbers have up to 64 bits. */
export function isAfter(id: string, other: string): boolean {
  const [epoch, seq] = parts(id);
  const [otherEpoch, otherSeq] = parts(other);
  return epoch === otherEpoch ? seq > otherSeq : epoch > otherEpoch;
}

function parts(id: string): [bigint, bigint] {
  const [epoch, seq] = id.split('-');
  return [BigInt(epoch || 0), BigInt(seq || 0)];
}
