import { cancel, later, type Timer } from './platform.js';
import { encodeAck, isAfter } from './wire.js';

/** Decides when handled messages are acknowledged: every 16, or a second after the first (rule R2.3). */
export class Acks {
  /** The newest message taken from the server, and the newest that the application is done with. */
  received = '';
  handled = '';
  #count = 0;
  #timer: Timer;

  constructor(
    private readonly every: number,
    private readonly afterMs: number,
    private readonly send: (frame: string) => void,
  ) {}

  /** Takes a message; false when it was taken before (rule R2.2). */
  receive(id: string): boolean {
    if (!isAfter(id, this.received)) return false;
    this.received = id;
    return true;
  }

  handle(id: string): void {
    if (!isAfter(id, this.handled)) return;
    this.handled = id;
    if (++this.#count >= this.every) this.flush();
    else this.#timer ??= later(() => this.flush(), this.afterMs);
  }

  /** Acknowledges now; 0-0 when nothing was handled yet, which retires the older token (rule R4.4). */
  flush(): void {
    this.stop();
    this.#count = 0;
    this.send(encodeAck(this.handled || '0-0'));
  }

  /** Begins a session at the given message; none of an earlier session counts. */
  reset(id: string): void {
    this.stop();
    this.received = this.handled = id;
    this.#count = 0;
  }

  stop(): void {
    cancel(this.#timer);
    this.#timer = undefined;
  }
}
