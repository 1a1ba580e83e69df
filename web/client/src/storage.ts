import { attempt, listen, page, sessionStore } from './platform.js';

/** All that is needed to take a session up again. The token is a secret. */
export interface Position {
  token: string;
  /** The last message that was handled; empty when there was none. */
  after: string;
}

/**
 * Where a position outlives the page or the process. save(undefined) forgets it. Both are synchronous. A storage that throws is done
 * without, and what load returns is ignored unless it is a position.
 */
export interface PositionStorage {
  load(): Position | undefined;
  save(position: Position | undefined): void;
}

/** Keeps nothing: a reload opens a fresh session. */
export const noStorage: PositionStorage = { load: () => undefined, save: () => {} };

type WebStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/**
 * Keeps the position in sessionStorage over a reload. It is there only while the page is hidden or being left: browsers copy
 * sessionStorage into a duplicated tab, and two tabs with one position would evict each other. Where sessionStorage is forbidden or
 * full nothing is kept.
 */
export function reloadStorage(key: string, store: WebStorage | undefined = sessionStore()): PositionStorage {
  const document = page();
  let current: Position | undefined;
  let leaving = false;
  const write = (): void => {
    const isKept = current && (leaving || document?.visibilityState === 'hidden');
    attempt(() => (isKept ? store?.setItem(key, JSON.stringify(current)) : store?.removeItem(key)));
  };
  let undo: (() => void)[] = [];
  // Only a position has to hear of the page's life: a client that was closed leaves no listener behind.
  const keep = (position: Position | undefined): void => {
    if (!position) undo.splice(0).forEach((stop) => stop());
    else if (!current) {
      undo = [
        listen(globalThis as Partial<EventTarget>, 'pagehide', () => ((leaving = true), write())),
        listen(globalThis as Partial<EventTarget>, 'pageshow', () => ((leaving = false), write())),
        listen(document, 'visibilitychange', write),
      ];
    }
    current = position;
    write();
  };
  return {
    load() {
      keep(asPosition(attempt(() => JSON.parse(store?.getItem(key) ?? 'null') as unknown)));
      return current;
    },
    save: keep,
  };
}

/** The same storage, whatever it does: it cannot throw, nor reject where it is asynchronous in spite of its type. */
export function guarded(storage: PositionStorage): PositionStorage {
  return {
    load: () => asPosition(settled(attempt(() => storage.load()))),
    save: (position) => void settled(attempt(() => storage.save(position) as unknown)),
  };
}

/** Handles a promise's rejection, which would otherwise be unhandled. */
function settled(value: unknown): unknown {
  attempt(() => (value as Partial<Promise<unknown>> | undefined)?.then?.(undefined, () => {}));
  return value;
}

const tokenPattern = /^[\w!#$%&'*+.^`|~-]{1,512}$/; // what a subprotocol may consist of (RFC 6455, section 4.1)
const entryPattern = /^(\d{1,20}-\d{1,20})?$/;

/** value, if a session can be taken up with it. */
export function asPosition(value: unknown): Position | undefined {
  return attempt(() => {
    const { token, after } = value as Partial<Position>;
    const fits = typeof token === 'string' && typeof after === 'string' && tokenPattern.test(token) && entryPattern.test(after);
    return fits ? { token, after } : undefined;
  });
}
