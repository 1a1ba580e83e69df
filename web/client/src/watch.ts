import { listen, page } from './platform.js';

/**
 * Calls wake when the network goes or comes back, or the page does, so that nothing waits for a timer. Workers hear of the network only,
 * Node of nothing. Returns how to stop.
 */
export function watchPage(wake: () => void): () => void {
  const document = page();
  const visible = (): void => {
    if (document?.visibilityState === 'visible') wake();
  };
  const undo = [
    ...['online', 'offline', 'pageshow'].map((type) => listen(globalThis as Partial<EventTarget>, type, wake)),
    listen(document, 'visibilitychange', visible),
    listen(document, 'resume', wake), // of a page that was frozen
  ];
  return () => undo.forEach((stop) => stop());
}
