import { cancel, later, type Timer } from './platform.js';
import type { TokenSource } from './options.js';

/** How often in a row the server may refuse before the client gives up: a token that had got old, then a fresh one. */
const most = 2;

/**
 * The token that lets the client in. It is asked for before the first attempt, kept, and asked for again when it has been refused or
 * has run out.
 *
 * A page cannot read why an upgrade failed (WHATWG WebSockets, section 3), so that a refused token looks like a lost network. The client
 * then asks the server for something that it answers without a token, and only counts a refusal when that works.
 */
export class Auth {
  #token: string | undefined;
  #refusals = 0;

  constructor(
    private readonly source: TokenSource | undefined,
    private readonly timeoutMs: number,
  ) {}

  get isWanted(): boolean {
    return this.source !== undefined;
  }

  /** The token to show; empty: none. It rejects when the application has none to give in time. */
  async token(): Promise<string> {
    if (this.#token !== undefined) return this.#token;
    const { source } = this;
    const asked = Promise.resolve(typeof source === 'function' ? source() : source);
    let timer: Timer;
    const late = new Promise<never>((_, reject) => (timer = later(() => reject(new Error('not in time')), this.timeoutMs)));
    const token = await Promise.race([asked, late]).finally(() => cancel(timer));
    return (this.#token = String(token ?? ''));
  }

  /** The next attempt asks again. */
  forget(): void {
    this.#token = undefined;
  }

  /** The token was refused; true when asking for another one would not help. */
  refused(): boolean {
    this.forget();
    return ++this.#refusals >= most;
  }

  accepted(): void {
    this.#refusals = 0;
  }
}
