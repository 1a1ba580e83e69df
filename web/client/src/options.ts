import type { SocketConstructor } from './link.js';
import { globalWebSocket, page } from './platform.js';
import { guarded, noStorage, type PositionStorage, reloadStorage } from './storage.js';
import type { Role } from './wire.js';

/** A JWT, or a function that gets one from the application's service. */
export type TokenSource = string | (() => string | Promise<string>);

/** Whom to be and how to behave. Times are milliseconds. */
export interface ClientOptions {
  /** Base of the service, "wss://host" or "ws://host:port/prefix"; of several, each attempt takes the next one. */
  url: string | string[];
  /** Any name of 1 to 128 letters, digits and `-._~`; 64 hexadecimal digits are a connectionId. */
  room: string;
  /** Ours. Default: peer. */
  role?: Role;
  /** That of the clients to talk to. Default: peer for a peer, extension for a wallet and the other way round; other roles have to name it. */
  target?: Role;
  /** An older name of role. */
  source?: Role;
  /** The token for a server that asks for one. A function is asked before the first attempt, and again when its token was refused or has run out. */
  auth?: TokenSource;
  /** 'auto' (default) falls back to plain if the server has no sessions. Named rooms, other roles and auth need sessions: with them there is no fallback. */
  dialect?: 'auto' | 'rejoin.v1' | 'plain';
  /** Where the session outlives a reload. Default in a page: sessionStorage; elsewhere nowhere. */
  storage?: PositionStorage;
  /** Default: the global WebSocket. Node below 22 has none: give it the one of the `ws` package. */
  WebSocket?: SocketConstructor;
  /** Random wait before attempt n: up to min doubled n times, max at most. Default 100 to 10,000. */
  backoff?: { min: number; max: number };
  /** How long an attempt may take to open, and then again to say what it speaks. Default 10,000. */
  connectTimeout?: number;
  /** Silence after which the connection is probed. Default: one and a half of the server's ping interval. */
  silence?: number;
  /** How long an answer, to a message or a probe, may take before the connection is given up. Default 5,000. */
  answerTimeout?: number;
  /** How many messages may await their answer before send() rejects. Default 256. */
  outbox?: number;
  /** When handled messages are acknowledged. Default every 16, or 1,000 after the first. */
  ack?: { every: number; after: number };
  /** The application says by ack() that a message has been handled; else it has when its listeners have returned. */
  manualAck?: boolean;
}

export type Settings = Required<Omit<ClientOptions, 'url' | 'source' | 'auth' | 'WebSocket'>> & {
  urls: string[];
  auth: TokenSource | undefined;
  WebSocket: SocketConstructor | undefined;
};

const counterparts: Record<string, Role> = { peer: 'peer', wallet: 'extension', extension: 'wallet' };
const isConnectionId = (room: string): boolean => /^[0-9a-f]{64}$/i.test(room);

export function withDefaults(options: ClientOptions): Settings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as unknown as ClientOptions;
  const room = String(given.room);
  const role = given.role ?? given.source ?? 'peer';
  const target = given.target ?? counterparts[role] ?? ''; // which the server refuses, with a reason
  const isPlain = isConnectionId(room) && (role === 'wallet' || role === 'extension') && target === counterparts[role];
  const key = isPlain ? `rejoin:${role}:${room.toLowerCase()}` : `rejoin:${role}>${target}:${room}`;
  const settings = {
    dialect: isPlain && given.auth === undefined ? ('auto' as const) : ('rejoin.v1' as const),
    WebSocket: globalWebSocket() as SocketConstructor | undefined,
    backoff: { min: 100, max: 10_000 },
    connectTimeout: 10_000,
    silence: 0,
    answerTimeout: 5_000,
    outbox: 256,
    ack: { every: 16, after: 1_000 },
    manualAck: false,
    auth: undefined,
    ...given,
    room,
    role,
    target,
    storage: guarded(given.storage ?? (page() && given.dialect !== 'plain' ? reloadStorage(key) : noStorage)),
    urls: [given.url ?? []].flat(),
  };
  if (!settings.urls.length) throw new TypeError('no url given');
  return settings;
}

/** The address of the room below base (rules P1.2 and R10.1). It throws when base is not a URL. */
export function endpoint(base: string, { room, role, target }: Pick<Settings, 'room' | 'role' | 'target'>): string {
  const url = new URL(base.trim());
  const path = isConnectionId(room) ? room : `rooms/${encodeURIComponent(room)}`;
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${path}`;
  url.search = `?${new URLSearchParams({ source: role, target })}`;
  return url.href;
}
