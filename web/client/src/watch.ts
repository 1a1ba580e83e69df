const changes = ['online', 'offline', 'pageshow'] as const;

/** Calls wake when the network goes or comes back, or the page does, so that nobody waits for a timer. Returns how to stop. */
export function watchPage(wake: () => void): () => void {
  const target = globalThis as Partial<Pick<Window, 'addEventListener' | 'removeEventListener' | 'document'>>;
  if (!target.addEventListener || !target.document) return () => {};
  const visible = (): void => {
    if (target.document?.visibilityState === 'visible') wake();
  };
  for (const type of changes) target.addEventListener(type, wake);
  target.document.addEventListener('visibilitychange', visible);
  return () => {
    for (const type of changes) target.removeEventListener?.(type, wake);
    target.document?.removeEventListener('visibilitychange', visible);
  };
}
