/**
 * Everything that a browser, worker, WebView or Node may lack, or refuse by throwing, is reached through this module. In private windows
 * the mere mention of sessionStorage throws, in Android WebViews it may be null; workers and Node have no document; a page without a
 * secure context has no crypto.randomUUID. The rest of the client works with what is left.
 */

/** What f returns; undefined when the platform refuses it. refused gets what was thrown. */
export function attempt<T>(f: () => T, refused?: (error: unknown) => void): T | undefined {
  try {
    return f();
  } catch (error) {
    refused?.(error);
    return undefined;
  }
}

const platform = globalThis as Partial<Pick<Window & typeof globalThis, 'document' | 'sessionStorage' | 'performance' | 'reportError' | 'WebSocket'>>;

/** An error of the application's code, which must not end ours: window.onerror gets it, or uncaughtException in Node. */
export function report(error: unknown): void {
  const fail = (): void => {
    throw error;
  };
  attempt(() => (platform.reportError ? platform.reportError(error) : setTimeout(fail)));
}

/** Calls one of the application's functions. */
export const callSafely = <T>(f: (argument: T) => unknown, argument: T): void => void attempt(() => f(argument), report);

export type Timer = ReturnType<typeof setTimeout> | undefined;

/** setTimeout takes 31 bits of milliseconds and fires at once when given more: a long wait is 24 days then. */
export const later = (f: () => void, ms = 0): Timer => attempt(() => setTimeout(f, Math.min(ms, 0x7fff_ffff)));
export const repeat = (f: () => void, ms: number): Timer => attempt(() => setInterval(f, Math.min(ms, 0x7fff_ffff)));

/** Ends a timer of either kind. */
export const cancel = (timer: Timer): void => void attempt(() => clearTimeout(timer));

let passed = 0;
let wall = Date.now();
let clock = clockNow();

function clockNow(): number | undefined {
  const ms = attempt(() => platform.performance?.now());
  return Number.isFinite(ms) ? ms : undefined;
}

/**
 * Milliseconds since some moment, never less than before: unlike Date.now() it does not jump when the clock is set. Where there is no
 * performance.now the clock may only go forward. It may stand still while the machine sleeps.
 */
export function monotonic(): number {
  const [before, wallBefore] = [clock, wall];
  clock = clockNow();
  wall = Date.now();
  const step = clock === undefined || before === undefined ? wall - wallBefore : clock - before;
  return (passed += Math.max(0, step));
}

/** Tells whether more than toleranceMs went by unseen since the call before: the page was frozen, or the machine slept. */
export function sleepDetector(toleranceMs: number): () => boolean {
  let ours = monotonic();
  let theirs = Date.now();
  return () => {
    const [step, wallStep] = [monotonic() - ours, Date.now() - theirs];
    ours += step;
    theirs += wallStep;
    return step > toleranceMs || wallStep - step > toleranceMs; // a clock that was set forward looks the same, and costs a probe
  };
}

/** Listens as long as the returned function is not called; where target cannot be listened to, nothing happens. */
export function listen(target: Partial<EventTarget> | undefined, type: string, listener: () => void): () => void {
  attempt(() => target?.addEventListener?.(type, listener));
  return () => void attempt(() => target?.removeEventListener?.(type, listener));
}

/** The document; undefined in workers and in Node. */
export const page = (): Document | undefined => attempt(() => platform.document);

/** sessionStorage; undefined where there is none, or none for us. */
export const sessionStore = (): Storage | undefined => attempt(() => platform.sessionStorage) ?? undefined;

export const globalWebSocket = (): unknown => attempt(() => platform.WebSocket);

/** From the platform's source of keys, which pages without a secure context have too, unlike randomUUID. It throws where there is none. */
export const randomBytes = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));

/** The length of text in UTF-8. React Native had no TextEncoder for long. */
export function byteLength(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) length += unit > 0x7ff && (unit & 0xf800) !== 0xd800 ? 2 : 1; // half of a pair is two bytes of four
  }
  return length;
}
