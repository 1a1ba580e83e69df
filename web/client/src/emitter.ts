import { callSafely } from './platform.js';

/** Typed events: E maps the name of an event to what its listeners get. */
export class Emitter<E> {
  #listeners = new Map<keyof E, Set<(event: never) => void>>();

  /** Calls listener at each such event, until the returned function is called. */
  on<K extends keyof E>(name: K, listener: (event: E[K]) => void): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set.add(listener));
    return () => void set.delete(listener);
  }

  /** A listener that throws is reported as an uncaught error and keeps no other from being called. */
  protected emit<K extends keyof E>(name: K, event: E[K]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) callSafely(listener as (event: E[K]) => void, event);
  }
}
