import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** A real process, started for a test. */
export class Process {
  readonly exited: Promise<unknown>;

  constructor(readonly child: ChildProcess) {
    this.exited = new Promise((resolve) => child.once('exit', resolve));
  }

  /** SIGTERM drains a server. */
  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }
}

export interface Server extends Process {
  port: number;
  privatePort: number;
}

/** Starts functions/signal on free ports; with REDIS_URL in env not on an embedded Redis. */
export async function startServer(env: Record<string, string> = {}): Promise<Server> {
  const child = spawn(process.env['REJOIN_TEST_SIGNAL']!, [], {
    env: { PATH: process.env['PATH'], PORT: '0', HTTP_PORT: '0', HOST: '127.0.0.1', DRAIN_TIMEOUT: '2s', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await printed(child, /listening/);
  const port = Number(/ws:\/\/localhost:(\d+)/.exec(line)![1]);
  const privatePort = Number(/http:\/\/localhost:(\d+)/.exec(line)![1]);
  return Object.assign(new Process(child), { port, privatePort });
}

export async function startRedis(port?: number): Promise<Process & { url: string; port: number }> {
  port ??= await freePort();
  const child = spawn(process.env['REJOIN_REDIS_SERVER'] ?? 'redis-server', ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await printed(child, /Ready to accept connections/);
  return Object.assign(new Process(child), { url: `redis://127.0.0.1:${port}`, port });
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The first line of output that matches; the rest is read and dropped. */
export function printed(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    createInterface(child.stdout!).on('line', (line) => {
      lines.push(line);
      if (pattern.test(line)) resolve(line);
    });
    child.once('exit', () => reject(new Error(`ended before it was ready:\n${lines.join('\n')}`)));
  });
}
