import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll } from 'vitest';
import { Proxy } from '../../web/client/test/proxy.js';
import { type Process, type Server, startRedis, startServer } from '../../web/client/test/server.js';

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

// One browser for all tests of a file: each of them has profiles of its own.
let browser: Promise<Browser> | undefined;
const launch = (): Promise<Browser> => chromium.launch({ executablePath: process.env['REJOIN_CHROMIUM'] || '/usr/bin/chromium', args: flags });
afterAll(async () => (await browser)?.close());

export interface OpenOptions extends BrowserContextOptions {
  /** Where the WebSockets of the page go, in place of the port that the server names. */
  port?: number;
  fragment?: string;
}

/** A real Chromium, real servers and networks that break, for one test; end() ends all of it. */
export class Stage {
  #undo: (() => unknown)[] = [];
  /** What pages reported as errors, content security policy included. */
  readonly errors: string[] = [];

  private constructor(private readonly browser: Browser) {}

  static async open(): Promise<Stage> {
    return new Stage(await (browser ??= launch()));
  }

  async end(): Promise<void> {
    await Promise.all(this.#undo.splice(0).map((undo) => undo())); // none keeps another one running
  }

  async server(env: Record<string, string> = {}): Promise<Server> {
    const server = await startServer({ DEMO: 'true', ...env });
    this.#undo.push(() => server.stop());
    return server;
  }

  /** Two instances on one Redis. */
  async instances(settings: Record<string, string> = {}): Promise<[Server, Server]> {
    const redis: Process & { url: string } = await startRedis();
    this.#undo.push(() => redis.stop());
    const env = { REDIS_URL: redis.url, ...settings };
    return Promise.all([this.server(env), this.server(env)]);
  }

  async proxy(target: { port: number }): Promise<Proxy> {
    const proxy = await Proxy.start(target.port);
    this.#undo.push(() => proxy.stop());
    return proxy;
  }

  /** Opens the demo of a server in a browser profile of its own. */
  async page(server: Server, { port, fragment = '', ...options }: OpenOptions = {}): Promise<Page> {
    const context: BrowserContext = await this.browser.newContext({ ...options, bypassCSP: port !== undefined });
    this.#undo.push(() => context.close());
    const page = await context.newPage();
    context.on('page', (other) => this.#watch(other));
    this.#watch(page);
    if (port) {
      await page.route('**/demo/config.json', (route) => route.fulfill({ json: { websocketPort: port, iceServers: false, peerJS: { path: '/peerjs', key: 'peerjs' }, addresses: [] } }));
    }
    await page.goto(`http://localhost:${server.privatePort}/demo/${fragment}`);
    return page;
  }

  /** An empty page in a browser profile of its own. */
  async blank(): Promise<Page> {
    const context = await this.browser.newContext();
    this.#undo.push(() => context.close());
    return context.newPage();
  }

  #watch(page: Page): void {
    page.on('pageerror', (error) => this.errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('WebSocket')) this.errors.push(message.text());
    });
  }
}

/** The fragment of a role in a room. */
export const at = (role: 'wallet' | 'extension', room: string): string => `#role=${role}&room=${room}`;

export async function channelOpens(...pages: Page[]): Promise<void> {
  await Promise.all(pages.map((page) => page.waitForSelector('#channel[data-state=open]', { timeout: 40_000 })));
}

/** The channel carries a text from one page to the other. */
export async function talk(from: Page, to: Page, text: string): Promise<void> {
  await from.fill('#words', text);
  await from.press('#words', 'Enter');
  await to.waitForSelector(`#said li:has-text("${text}")`);
}

export const sessionOpens = (page: Page): Promise<unknown> => page.waitForSelector('#session[data-state=open]');

/** How many entries of the timeline fit. */
export const entries = (page: Page, selector: string): Promise<number> => page.locator(`#timeline li${selector}`).count();
