import { attempt, cancel, later, monotonic, type Timer } from './platform.js';
import { type ServerFrame, type SessionFrame, subprotocol } from './wire.js';

/** The part of WebSocket that is used; the `ws` package has it too. */
export interface Socket {
  readonly protocol: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

export interface LinkEnd {
  code: number;
  reason: string;
  /** The HTTP answer in place of an upgrade, where the platform tells it: browsers do not, the `ws` package does. */
  status?: number;
}

/** What a link tells its owner. After ended nothing more is told. */
export interface LinkOwner {
  /** The session frame has come: the dialect is rejoin.v1. */
  session(link: Link, frame: SessionFrame): void;
  /** The connection is open and its server knows no sessions. */
  plain(link: Link): void;
  frame(link: Link, frame: ServerFrame): void;
  ended(link: Link, end: LinkEnd): void;
}

/**
 * One connection, from the attempt to its end.
 *
 *     attempt ──101──► undecided ──session frame──► rejoin.v1
 *                          └─ another frame, no subprotocol, or silence ─► plain
 */
export class Link {
  dialect: 'rejoin.v1' | 'plain' | undefined;
  heardAt = monotonic();
  #socket: Socket;
  #owner: LinkOwner | undefined;
  #timer: Timer;
  /** The server has accepted the upgrade. */
  isOpen = false;
  #status: number | undefined;

  /** fallback: a server that does not speak first is plain; else such a connection is given up. */
  constructor(socket: Socket, owner: LinkOwner, private readonly timeoutMs: number, fallback: boolean) {
    this.#socket = socket;
    this.#owner = owner;
    this.#timer = later(() => this.drop('no answer in time'), timeoutMs);
    socket.onopen = () => this.#opened(fallback);
    socket.onmessage = (event: { data: unknown }) => this.#received(String(event.data), fallback);
    socket.onclose = (event: LinkEnd) => this.#end({ code: event.code, reason: event.reason });
    // A close event follows, except in Chromium when a content security policy forbids the connection.
    socket.onerror = (event: { message?: unknown } | undefined) => {
      this.#status = Number(/response: (\d{3})$/.exec(String(event?.message))?.[1]) || undefined;
      later(() => this.drop('refused by the platform'), 1_000);
    };
  }

  /** Writes a frame; false when the connection is not open. */
  send(data: string): boolean {
    if (!this.#owner || !this.dialect) return false;
    return attempt(() => (this.#socket.send(data), true)) ?? false; // some throw when the connection has just ended
  }

  /**
   * Ends the connection on purpose; the owner is not told. What is not open yet is closed with 1000 when it is: the server may have resumed
   * the session already, and would take a connection that is cut off for a lost one.
   */
  close(code = 4000, reason = ''): void {
    this.#owner = undefined;
    cancel(this.#timer);
    if (code === 1000 && !this.isOpen) {
      this.#timer = later(() => this.#shut(code, reason), this.timeoutMs);
      this.#socket.onopen = () => {
        cancel(this.#timer);
        this.#shut(code, reason);
      };
      return;
    }
    this.#shut(code, reason);
  }

  #shut(code: number, reason: string): void {
    attempt(() => this.#socket.close(code, reason), () => attempt(() => this.#socket.close()));
  }

  /** Gives up a connection that is believed dead, without waiting for its closing handshake. */
  drop(reason: string): void {
    const owner = this.#owner;
    if (!owner) return;
    this.close();
    owner.ended(this, { code: 1006, reason });
  }

  #opened(fallback: boolean): void {
    this.isOpen = true;
    this.heardAt = monotonic();
    if (this.#socket.protocol !== subprotocol && fallback) return this.#decidePlain();
    cancel(this.#timer);
    this.#timer = later(() => (fallback ? this.#decidePlain() : this.drop('no session in time')), this.timeoutMs);
  }

  #decidePlain(): void {
    cancel(this.#timer);
    this.dialect = 'plain';
    this.#owner?.plain(this);
  }

  #received(text: string, fallback: boolean): void {
    this.heardAt = monotonic();
    attempt(() => this.#take(JSON.parse(text) as ServerFrame, fallback), () => this.drop('not understood'));
  }

  #take(frame: ServerFrame, fallback: boolean): void {
    if (!this.dialect && frame.info === 'session') {
      cancel(this.#timer);
      this.dialect = 'rejoin.v1';
      return this.#owner?.session(this, frame);
    }
    if (!this.dialect && !fallback) return this.drop('no session frame');
    if (!this.dialect) this.#decidePlain();
    this.#owner?.frame(this, frame);
  }

  #end(end: LinkEnd): void {
    const owner = this.#owner;
    this.#owner = undefined;
    cancel(this.#timer);
    owner?.ended(this, this.#status ? { ...end, status: this.#status } : end);
  }
}

/** Tells whether the server accepts an upgrade; the connection is not used. */
export function opens(socket: Socket, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (answer: boolean): void => {
      cancel(timer);
      resolve(answer);
      attempt(() => socket.close());
    };
    const timer = later(() => done(false), timeoutMs);
    socket.onopen = () => done(true);
    socket.onclose = socket.onerror = () => done(false);
  });
}
