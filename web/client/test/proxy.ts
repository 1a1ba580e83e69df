import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP proxy on loopback whose connections can be cut as a network cuts them. */
export class Proxy {
  #pairs = new Set<[Socket, Socket]>();
  #trap: { text: string; how: 'cutSilently' | 'reset'; after: () => void } | undefined;

  private constructor(
    private readonly server: Server,
    readonly port: number,
    /** Where new connections go; 0: they are refused. */
    public target: number,
  ) {}

  static async start(target: number): Promise<Proxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const proxy = new Proxy(server, (server.address() as { port: number }).port, target);
    server.on('connection', (socket) => proxy.#accept(socket));
    return proxy;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** From now on nothing passes on the open connections, and no end hears of it. */
  cutSilently(): void {
    for (const [a, b] of this.#pairs) {
      for (const socket of [a, b]) socket.unpipe().removeAllListeners('data').resume();
    }
  }

  /** Cuts as soon as that text has come from the server and was passed on; after() is called then. */
  cutAfter(text: string, how: 'cutSilently' | 'reset' = 'cutSilently', after = (): void => {}): void {
    this.#trap = { text, how, after };
  }

  reset(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    this.reset();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #accept(near: Socket): void {
    if (!this.target) return void near.resetAndDestroy();
    const far = connect(this.target, '127.0.0.1');
    const pair: [Socket, Socket] = [near, far];
    this.#pairs.add(pair);
    near.pipe(far).pipe(near);
    far.on('data', (chunk: Buffer) => {
      const trap = this.#trap;
      if (!trap || !chunk.includes(trap.text)) return;
      this.#trap = undefined;
      const cut = (): void => {
        this[trap.how]();
        trap.after();
      };
      if (trap.how === 'reset') setImmediate(cut); // a reset takes along what is not written yet
      else cut();
    });
    for (const socket of pair) {
      socket.on('error', () => {}).on('close', () => {
        this.#pairs.delete(pair);
        pair.forEach((other) => other.destroy());
      });
    }
  }
}
