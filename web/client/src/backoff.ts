/** Full jitter: uniformly random between nothing and min doubled n times, up to max (rule R3.8). Milliseconds. */
export function backoff(n: number, min: number, max: number): number {
  return Math.random() * Math.min(max, min * 2 ** Math.min(n, 30));
}
