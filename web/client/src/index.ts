export { RejoinClient, type OutgoingMessage } from './client.js';
export { RejoinError, type ErrorCode } from './errors.js';
export type { ClientEvents, ClientState, MessageEvent, Peer, PeerEvent, SessionEvent } from './events.js';
export type { Socket, SocketConstructor } from './link.js';
export type { ClientOptions, TokenSource } from './options.js';
export { noStorage, reloadStorage, type Position, type PositionStorage } from './storage.js';
export type { IceServer, Method, PeerState, RelayedMessage, Role } from './wire.js';
