import type { SocketConstructor } from './link.js';
import { globalWebSocket, page } from './platform.js';
import { guarded, noStorage, type PositionStorage, reloadStorage } from './storage.js';
import type { Role } from './wire.js';

/** Whom to be and how to behave. Times are milliseconds. */
export interface ClientOptions {
  /** Base of the service, "wss://host" or "ws://host:port/prefix"; of several, each attempt takes the next one. */
  url: string | string[];
  /** The connectionId: 64 hexadecimal digits. */
  room: string;
  source: Role;
  /** 'auto' (default) falls back to plain where the server knows no sessions. */
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

export type Settings = Required<Omit<ClientOptions, 'url' | 'WebSocket'>> & { urls: string[]; WebSocket: SocketConstructor | undefined };

export function withDefaults(options: ClientOptions): Settings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as unknown as ClientOptions;
  const key = `rejoin:${given.source}:${String(given.room).toLowerCase()}`;
  const settings = {
    dialect: 'auto' as const,
    WebSocket: globalWebSocket() as SocketConstructor | undefined,
    backoff: { min: 100, max: 10_000 },
    connectTimeout: 10_000,
    silence: 0,
    answerTimeout: 5_000,
    outbox: 256,
    ack: { every: 16, after: 1_000 },
    manualAck: false,
    ...given,
    storage: guarded(given.storage ?? (page() && given.dialect !== 'plain' ? reloadStorage(key) : noStorage)),
    urls: [given.url ?? []].flat(),
  };
  if (!settings.urls.length) throw new TypeError('no url given');
  return settings;
}

/** The address of the room below base (rule P1.2). It throws when base is no URL. */
export function endpoint(base: string, room: string, source: Role): string {
  const url = new URL(base.trim());
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${room}`;
  url.search = `?source=${source}&target=${source === 'wallet' ? 'extension' : 'wallet'}`;
  return url.href;
}
