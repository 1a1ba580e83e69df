import { show } from './dom.js';

/** What the server that gave us the page says of itself. */
export interface Config {
  websocketPort: number;
  /** The server has STUN or TURN servers to tell. */
  iceServers: boolean;
  /** Where PeerJS clients are served; null: nowhere. */
  peerJS: { path: string; key: string } | null;
  /** Where else this machine can be reached; only told to the machine itself. */
  addresses: string[];
}

/** Reads it; where that fails, the page says so and the error is thrown. */
export async function readConfig(): Promise<Config> {
  try {
    return (await (await fetch('config.json')).json()) as Config;
  } catch (error) {
    show('session', 'ended', 'ended');
    show('news', 'The server does not answer; load this page again when it does.');
    throw error;
  }
}

/** Where signaling listens. */
export function signalingUrl({ websocketPort }: Config): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.hostname}:${websocketPort}`;
}

/** The address by which a phone opens this page with another fragment; undefined where none is known. */
export function phoneUrl({ addresses }: Config, fragment: string): { host: string; url: string } | undefined {
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
  const host = local ? addresses[0] : location.hostname;
  return host ? { host, url: `${location.protocol}//${host}:${location.port}${location.pathname}${fragment}` } : undefined;
}
