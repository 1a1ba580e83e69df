import { RejoinError } from './errors.js';
import { cancel, later, monotonic, type Timer } from './platform.js';

interface Pending {
  data: string;
  sentAt: number | undefined; // undefined: not on this connection
  resolve: () => void;
  reject: (error: RejoinError) => void;
}

/** How many messages may be without an answer on the wire: the server knows repetitions among the last 64 of a session. */
const window = 32;
/** Below the server's limit of 100 frames in 1,000 ms (rule P7.3), which acknowledgements share. */
const rate = { frames: 90, ms: 1100 };

/** The messages that await their answer, in the order they were sent in. Times are those of monotonic(). */
export class Outbox {
  #waiting = new Map<string, Pending>();
  #sent: number[] = []; // times of the frames of late
  #confirmed: { requestId: string; at: number }[] = []; // the last ones
  #timer: Timer;
  #pausedUntil = -Infinity;

  /** write puts a frame on the wire and tells whether there is one. */
  constructor(
    private readonly limit: number,
    private readonly write: (data: string) => boolean,
  ) {}

  add(requestId: string, data: string): Promise<void> {
    if (this.#waiting.has(requestId)) return Promise.reject(new RejoinError('duplicateRequestId', 'request id in use'));
    if (this.#waiting.size >= this.limit) return Promise.reject(new RejoinError('outboxFull', 'too many messages wait'));
    return new Promise((resolve, reject) => {
      this.#waiting.set(requestId, { data, sentAt: undefined, resolve, reject });
      this.pump();
    });
  }

  /** Ends the wait of a message; false when none with that id waits. */
  settle(requestId: string, error?: RejoinError): boolean {
    const pending = this.#waiting.get(requestId);
    if (!pending) return false;
    this.#waiting.delete(requestId);
    if (error) pending.reject(error);
    else {
      pending.resolve();
      this.#confirmed.push({ requestId, at: monotonic() });
      if (this.#confirmed.length > 64) this.#confirmed.shift();
    }
    this.pump();
    return true;
  }

  /** Makes everything without an answer be sent again, in order, after so many milliseconds (rules R3.6 and R6.3). */
  rewind(inMs = 0): void {
    for (const pending of this.#waiting.values()) pending.sentAt = undefined;
    this.#pausedUntil = monotonic() + inMs;
    this.pump();
  }

  /** The messages that were confirmed since then, at most 64, oldest first. */
  confirmedSince(time: number): string[] {
    return this.#confirmed.filter(({ at }) => at > time).map(({ requestId }) => requestId);
  }

  failAll(error: RejoinError): void {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    cancel(this.#timer);
    for (const pending of all) pending.reject(error);
  }

  /** When the oldest message without an answer was put on the wire; undefined when none is. */
  get oldestSentAt(): number | undefined {
    for (const { sentAt } of this.#waiting.values()) if (sentAt !== undefined) return sentAt;
    return undefined;
  }

  /** Sends what may be sent now, and comes back for the rest. */
  pump(): void {
    cancel(this.#timer);
    let open = 0;
    for (const pending of this.#waiting.values()) {
      if (++open > window) return;
      if (pending.sentAt !== undefined) continue;
      const wait = this.#waitMs();
      if (wait > 0) {
        this.#timer = later(() => this.pump(), wait);
        return;
      }
      if (!this.write(pending.data)) return;
      pending.sentAt = monotonic();
      this.#sent.push(pending.sentAt);
    }
  }

  #waitMs(): number {
    const now = monotonic();
    while (this.#sent[0] !== undefined && this.#sent[0] <= now - rate.ms) this.#sent.shift();
    const paced = this.#sent.length < rate.frames ? 0 : this.#sent[0]! + rate.ms - now;
    return Math.max(paced, this.#pausedUntil - now);
  }
}
