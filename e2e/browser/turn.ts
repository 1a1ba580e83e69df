import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../web/client/test/server.js';

const config = fileURLToPath(new URL('../../deploy/coturn/turnserver.conf', import.meta.url));

/** A real coturn with the configuration that is shipped, on loopback, which that refuses by itself. */
export class Turn {
  readonly secret = randomBytes(16).toString('hex');
  #dir = mkdtempSync(join(tmpdir(), 'rejoin-turn-'));

  private constructor(readonly port: number) {}
  #child!: ChildProcess;

  static async start(): Promise<Turn> {
    const turn = new Turn(await freePort());
    await turn.#run();
    return turn;
  }

  url(transport: 'udp' | 'tcp'): string {
    return `turn:127.0.0.1:${this.port}?transport=${transport}`;
  }

  /** What functions/signal and functions/iceservers make of the secret, good for so many seconds. */
  credential(seconds: number, secret = this.secret): { username: string; credential: string } {
    const username = `${Math.floor(Date.now() / 1000) + seconds}:test`;
    return { username, credential: createHmac('sha1', secret).update(username).digest('base64') };
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
    rmSync(this.#dir, { recursive: true });
  }

  #run(): Promise<void> {
    const args = [
      '-c', config, '--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', `--listening-port=${this.port}`, `--static-auth-secret=${this.secret}`,
      '--allow-loopback-peers', '--allowed-peer-ip=127.0.0.1', `--pidfile=${join(this.#dir, 'pid')}`,
    ];
    this.#child = spawn('turnserver', args, { stdio: ['ignore', 'pipe', 'ignore'] }); // what it reports goes to stdout
    return new Promise((resolve, reject) => {
      let log = '';
      this.#child.once('error', reject).once('exit', () => reject(new Error(`coturn ended:\n${log}`)));
      this.#child.stdout!.on('data', (chunk: Buffer) => (log += chunk.toString()));
      const knock = (): void => {
        if (this.#child.exitCode !== null) return;
        const socket = connect(this.port, '127.0.0.1', () => resolve(void socket.destroy())); // UDP is listened to first
        socket.on('error', () => setTimeout(knock, 20));
      };
      knock();
    });
  }
}
