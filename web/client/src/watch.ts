/** Calls wake when the network or the page comes back, so that nobody waits for a timer. Returns how to stop. */
export function watchPage(wake: () => void): () => void {
  const target = globalThis as Partial<Pick<Window, 'addEventListener' | 'removeEventListener' | 'document'>>;
  if (!target.addEventListener || !target.document) return () => {};
  const visible = (): void => {
    if (target.document?.visibilityState === 'visible') wake();
  };
  target.addEventListener('online', wake);
  target.addEventListener('pageshow', wake);
  target.document.addEventListener('visibilitychange', visible);
  return () => {
    target.removeEventListener?.('online', wake);
    target.removeEventListener?.('pageshow', wake);
    target.document?.removeEventListener('visibilitychange', visible);
  };
}
