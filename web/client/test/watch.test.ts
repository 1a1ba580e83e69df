import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchPage } from '../src/watch.js';

// The few parts of a page that watchPage looks at; the browser tests take a real one off its network.
const page = new EventTarget();
const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });

beforeEach(() => {
  Object.assign(globalThis, { addEventListener: page.addEventListener.bind(page), removeEventListener: page.removeEventListener.bind(page), document });
});
afterEach(() => {
  for (const name of ['addEventListener', 'removeEventListener', 'document']) Reflect.deleteProperty(globalThis, name);
});

test('the network going or coming, and the page coming back, wake; a page that is being hidden does not', () => {
  let woken = 0;
  const stop = watchPage(() => woken++);
  for (const type of ['offline', 'online', 'pageshow']) page.dispatchEvent(new Event(type));
  expect(woken).toBe(3);
  document.visibilityState = 'hidden';
  document.dispatchEvent(new Event('visibilitychange'));
  expect(woken).toBe(3);
  document.visibilityState = 'visible';
  document.dispatchEvent(new Event('visibilitychange'));
  expect(woken).toBe(4);
  stop();
  for (const type of ['offline', 'online', 'pageshow']) page.dispatchEvent(new Event(type));
  document.dispatchEvent(new Event('visibilitychange'));
  expect(woken).toBe(4);
});
