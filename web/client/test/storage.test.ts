import { afterEach, beforeEach, expect, test } from 'vitest';
import { reloadStorage } from '../src/storage.js';

// The few parts of a page that reloadStorage looks at; the browser tests reload a real one.
const page = new EventTarget();
const items = new Map<string, string>();
const store = {
  getItem: (key: string) => items.get(key) ?? null,
  setItem: (key: string, value: string) => void items.set(key, value),
  removeItem: (key: string) => void items.delete(key),
};

beforeEach(() => {
  items.clear();
  Object.assign(globalThis, {
    addEventListener: page.addEventListener.bind(page),
    removeEventListener: page.removeEventListener.bind(page),
    document: Object.assign(new EventTarget(), { visibilityState: 'visible' }),
  });
});
afterEach(() => {
  Reflect.deleteProperty(globalThis, 'addEventListener');
  Reflect.deleteProperty(globalThis, 'removeEventListener');
  Reflect.deleteProperty(globalThis, 'document');
});

test('a position is in the store only while the page is being left: a duplicated tab finds none', () => {
  const storage = reloadStorage('k', store);
  storage.save({ token: 't', after: '1-1' });
  expect(items.size).toBe(0);
  page.dispatchEvent(new Event('pagehide'));
  expect(items.size).toBe(1);
  expect(reloadStorage('k', store).load()).toEqual({ token: 't', after: '1-1' });
  expect(items.size).toBe(0);
});

test('a client that was closed leaves no listener behind', () => {
  const storage = reloadStorage('closed', store);
  storage.save({ token: 't', after: '' });
  storage.save(undefined);
  items.set('closed', 'of the next client');
  for (const type of ['pagehide', 'pageshow']) page.dispatchEvent(new Event(type));
  document.dispatchEvent(new Event('visibilitychange'));
  expect(items.get('closed')).toBe('of the next client');
});

test('text that is not a position is ignored', () => {
  for (const text of ['', '{', 'null', '{"token":1,"after":""}']) {
    items.set('k', text);
    expect(reloadStorage('k', store).load()).toBeUndefined();
  }
});
