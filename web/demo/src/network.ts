import type { Socket } from '../../client/src/index.js';

let downUntil = 0;
const open = new Set<BreakableSocket>();

/** Cuts all sockets of this page as a lost network does: nothing passes, nobody is told, and new ones get nowhere for a while. */
export function cutSilently(ms: number, back: () => void): void {
  downUntil = Date.now() + ms;
  for (const socket of open) socket.cut();
  setTimeout(back, ms);
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

  constructor(url: string, protocols: string[]) {
    open.add(this);
    setTimeout(() => this.#connect(url, protocols), downUntil - Date.now());
  }

  get protocol(): string {
    return this.#socket?.protocol ?? '';
  }

  #connect(url: string, protocols: string[]): void {
    if (this.#closed) return;
    const socket = (this.#socket = new WebSocket(url, protocols));
    socket.onopen = (event) => this.#pass(this.onopen, event);
    socket.onmessage = (event) => this.#pass(this.onmessage, event);
    socket.onclose = (event) => this.#pass(this.onclose, event);
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
