import type { Socket } from '../../client/src/index.js';
import { attempt, later, monotonic } from '../../client/src/platform.js';

let downUntil = -Infinity; // of monotonic()
const open = new Set<BreakableSocket>();

/** Cuts all sockets of this page as a lost network does: nothing passes, neither side is told, and new ones get nowhere for a while. */
export function cutSilently(ms: number, back: () => void): void {
  downUntil = monotonic() + ms;
  for (const socket of open) socket.cut();
  later(back, ms);
}

/** A WebSocket that can be cut. What it is given after a cut is lost, as in a network. */
export class BreakableSocket implements Socket {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  #socket: WebSocket | undefined;
  #cut = false;
  #closed = false;

  /** It throws where a WebSocket does, unless the network is down: then the connection is lost when it is back. */
  constructor(url: string, protocols: string[]) {
    const wait = downUntil - monotonic();
    if (wait > 0) later(() => attempt(() => this.#connect(url, protocols), () => this.#refused()), wait);
    else this.#connect(url, protocols);
    open.add(this);
  }

  get protocol(): string {
    return this.#socket?.protocol ?? '';
  }

  #connect(url: string, protocols: string[]): void {
    if (this.#closed) return;
    const socket = (this.#socket = new WebSocket(url, protocols));
    socket.onopen = (event) => this.#pass(this.onopen, event);
    socket.onmessage = (event) => this.#pass(this.onmessage, event);
    socket.onerror = (event) => this.#pass(this.onerror, event);
    socket.onclose = (event) => this.#pass(this.onclose, event);
  }

  #refused(): void {
    this.#pass(this.onclose, Object.assign(new Event('close'), { code: 1006, reason: 'refused' }));
  }

  #pass(listener: ((event: never) => void) | null, event: Event): void {
    if (!this.#cut) listener?.(event as never);
  }

  send(data: string): void {
    if (!this.#cut) this.#socket?.send(data);
  }

  close(code?: number, reason?: string): void {
    this.#closed = true;
    open.delete(this);
    if (!this.#cut) this.#socket?.close(code, reason);
  }

  cut(): void {
    this.#cut = true;
  }
}
