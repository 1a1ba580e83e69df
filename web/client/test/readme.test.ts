import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RejoinClient } from '../src/index.js';
import { Participant, Socket } from './participant.js';
import { type Server, startServer } from './server.js';

// The client in the project's README, run as it is printed there. Only the server's port differs.

let server: Server;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

test('the client in the README answers', async () => {
  const page = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  const [, code] = /```js\nimport \{ RejoinClient \} from 'rejoin-client';\n(.*?)```/s.exec(page)!;
  const url = `ws://127.0.0.1:${server.port}`;
  expect(code).toContain('ws://localhost:4000');
  class WithSocket extends RejoinClient {
    constructor(options: ConstructorParameters<typeof RejoinClient>[0]) {
      super({ WebSocket: Socket, ...options });
    }
    override send(message: Parameters<RejoinClient['send']>[0]) {
      const sent = super.send(message);
      sends.push(sent);
      return sent;
    }
  }
  const sends: Promise<unknown>[] = [];
  const printed: unknown[][] = [];
  const run = new Function('RejoinClient', 'console', `${code!.replace('ws://localhost:4000', url)}; return client;`) as (...args: unknown[]) => RejoinClient;
  const client = run(WithSocket, { log: (...args: unknown[]) => printed.push(args) });
  const peer = new Participant({ url, room: 'lobby' });

  await peer.client.send({ to: await peer.peer(), method: 'offer', payload: 'hello' });
  expect(await peer.payloads(1)).toEqual(['thanks']);
  expect(printed).toContainEqual(['offer', 'hello']);
  await Promise.all(sends); // a close would refuse what has not been confirmed
  peer.client.close();
  client.close();
});
