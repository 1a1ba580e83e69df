/** All that is needed to take a session up again. The token is a secret. */
export interface Position {
  token: string;
  /** The last message that was handled; empty when there was none. */
  after: string;
}

/** Where a position outlives the page or the process. save(undefined) forgets it. */
export interface PositionStorage {
  load(): Position | undefined;
  save(position: Position | undefined): void;
}

/** Keeps nothing: a reload opens a fresh session. */
export const noStorage: PositionStorage = { load: () => undefined, save: () => {} };

type WebStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/**
 * Keeps the position in sessionStorage over a reload. It is there only while the page is hidden or being left: browsers copy
 * sessionStorage into a duplicated tab, and two tabs with one position would evict each other.
 */
export function reloadStorage(key: string, store: WebStorage = sessionStorage): PositionStorage {
  let current: Position | undefined;
  let leaving = false;
  const write = (): void => {
    if (current && (leaving || document.visibilityState === 'hidden')) store.setItem(key, JSON.stringify(current));
    else store.removeItem(key);
  };
  addEventListener('pagehide', () => ((leaving = true), write()));
  addEventListener('pageshow', () => ((leaving = false), write()));
  document.addEventListener('visibilitychange', write);
  return {
    load() {
      current = parse(store.getItem(key));
      write();
      return current;
    },
    save(position) {
      current = position;
      write();
    },
  };
}

function parse(text: string | null): Position | undefined {
  try {
    const p = JSON.parse(text ?? '') as Partial<Position>;
    return typeof p.token === 'string' && typeof p.after === 'string' ? { token: p.token, after: p.after } : undefined;
  } catch {
    return undefined;
  }
}
