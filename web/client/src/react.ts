import { useCallback, useEffect, useRef, useState } from 'react';
import { type OutgoingMessage, RejoinClient } from './client.js';
import type { RejoinError } from './errors.js';
import type { ClientState, MessageEvent, Peer, PeerEvent } from './events.js';
import type { ClientOptions } from './options.js';
import { cancel, later, type Timer } from './platform.js';
import type { IceServer } from './wire.js';

/** What RejoinClient takes, and what to call. The functions may be new ones in each render. */
export interface UseRejoinOptions extends ClientOptions {
  /** Each message once, in order. It has been handled when this returns, unless manualAck is set. */
  onMessage?: (message: MessageEvent, client: RejoinClient) => void;
  onPeer?: (event: PeerEvent, client: RejoinClient) => void;
}

export interface Rejoin {
  /** For members not listed here; undefined in the first render and on a server. */
  client: RejoinClient | undefined;
  state: ClientState;
  clientId: string;
  /** Who is in the room, oldest first, those that are away for a moment included. */
  peers: readonly Peer[];
  iceServers: readonly IceServer[];
  /** Why the client ended. */
  error: RejoinError | undefined;
  /** As RejoinClient.send; it rejects before there is a client. */
  send: (message: OutgoingMessage) => Promise<void>;
}

type View = Omit<Rejoin, 'send'>;

const nothing: View = { client: undefined, state: 'connecting', clientId: '', peers: [], iceServers: [], error: undefined };

function read(client: RejoinClient): View {
  const { state, clientId, iceServers, error } = client;
  return { client, state, clientId, iceServers, error, peers: [...client.peers.keys()].map((id) => client.peer(id)!) };
}

/**
 * A place in a room for as long as the component is there. Another url, room, role or target leaves the one and joins the other; other options
 * count when that happens. Unmounting closes the session, a reload of the page resumes it.
 */
export function useRejoin(options: UseRejoinOptions): Rejoin {
  const [view, setView] = useState<View & { key?: string }>(nothing);
  const latest = useRef(options);
  const held = useRef<{ key: string; client: RejoinClient; closing?: Timer }>(undefined);
  const { url, room, role, source, target } = options;
  const key = JSON.stringify([url, room, role ?? source, target]);

  useEffect(() => {
    latest.current = options;
  });

  useEffect(() => {
    const before = held.current;
    cancel(before?.closing);
    if (before && before.key !== key) before.client.close();
    const client = before?.key === key && before.client.state !== 'ended' ? before.client : open(latest);
    held.current = { key, client };
    const show = (): void => setView({ ...read(client), key });
    const stop = [
      ...(['state', 'session', 'plain', 'peer', 'iceServers', 'ended'] as const).map((name) => client.on(name, show)),
      client.on('message', (message) => latest.current.onMessage?.(message, client)),
      client.on('peer', (event) => latest.current.onPeer?.(event, client)),
    ];
    show();
    return () => {
      stop.forEach((undo) => undo());
      // StrictMode unmounts and mounts again at once: what would be closed here could not be resumed there.
      if (held.current?.client === client) held.current.closing = later(() => client.close());
    };
  }, [key]);

  const send = useCallback((message: OutgoingMessage) => held.current?.client.send(message) ?? Promise.reject(new Error('not mounted')), []);
  const { key: _, ...current } = view.key === key ? view : { ...nothing, key };
  return { ...current, send };
}

function open(latest: { current: UseRejoinOptions }): RejoinClient {
  const { onMessage: _m, onPeer: _p, ...options } = latest.current;
  // The function of the render that is current when a token is asked for.
  if (typeof options.auth === 'function') options.auth = () => (latest.current.auth as () => string)();
  return new RejoinClient(options);
}
