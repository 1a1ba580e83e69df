import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

// The package as it would be published, installed where nothing else is.

const root = fileURLToPath(new URL('..', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'rejoin-package-'));
let files: string[];
const run = (command: string, args: string[]): string => execFileSync(command, args, { cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

beforeAll(() => {
  const [packed] = JSON.parse(run('npm', ['pack', root, '--json', '--loglevel=error']).replace(/^[^[]*/, '')) as [{ filename: string; files: { path: string }[] }];
  files = packed.files.map((file) => file.path);
  writeFileSync(join(dir, 'package.json'), '{ "type": "module", "private": true }');
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--loglevel=error', `./${packed.filename}`]);
}, 120_000);
afterAll(() => rmSync(dir, { recursive: true }));

test('it holds the modules, their types, the README and the license, and nothing else', () => {
  const modules = ['acks', 'auth', 'backoff', 'client', 'emitter', 'errors', 'events', 'index', 'link', 'negotiation', 'options', 'outbox', 'platform', 'react', 'storage', 'watch', 'websocket', 'wire'];
  const dist = modules.flatMap((name) => [`dist/${name}.js`, `dist/${name}.d.ts`]);
  expect(files.sort()).toEqual(['LICENSE', 'README.md', 'package.json', ...dist].sort());
});

const source = `
import { type ClientState, noStorage, RejoinClient, RejoinError } from 'rejoin-client';
import { Negotiation } from 'rejoin-client/negotiation';
import { rejoinWebSocket } from 'rejoin-client/websocket';

export function join(room: string): RejoinClient {
  const client = new RejoinClient({ url: 'wss://signaling.example', room, source: 'extension', storage: noStorage });
  client.on('state', (state: ClientState) => console.log(state));
  client.on('message', ({ from, replayed }) => console.log(from.length, replayed ? 1 : 0));
  client.on('ended', (error: RejoinError) => console.log(error.code));
  // @ts-expect-error there is no such event
  client.on('nonsense', () => {});
  new Negotiation({ client, peer: 'p', polite: false, create: () => new RTCPeerConnection({ iceServers: client.iceServers }) });
  return client;
}
export const Socket: new (url: string) => { send(data: string): void } = rejoinWebSocket({});
`;

/** The recipes of docs/rooms.md, each as a module of its own. */
const recipes = [...readFileSync(join(root, '../../docs/rooms.md'), 'utf8').matchAll(/```ts\n(.*?)```/gs)].map(([, code], i) => ({ name: i ? `recipe-${i}.ts` : 'meet.ts', code: code! }));

for (const [module, moduleResolution] of [['NodeNext', 'NodeNext'], ['ESNext', 'Bundler']] as const) {
  test(`its types resolve, and the recipes of docs/rooms.md compile (${moduleResolution})`, () => {
    expect(recipes).toHaveLength(4);
    for (const { name, code } of [{ name: 'use.ts', code: source }, ...recipes]) writeFileSync(join(dir, name), code);
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    run(process.execPath, [compiler, '--noEmit', '--strict', '--module', module, '--moduleResolution', moduleResolution, '--target', 'ES2022', 'use.ts', ...recipes.map(({ name }) => name)]);
  }, 180_000);
}

test('Node imports each of its entries, and no other', () => {
  const names = (entry: string): string => run(process.execPath, ['-e', `import('${entry}').then((m) => console.log(Object.keys(m).join()))`]).trim();
  expect(names('rejoin-client').split(',')).toEqual(expect.arrayContaining(['RejoinClient', 'RejoinError', 'noStorage', 'reloadStorage']));
  expect(names('rejoin-client/negotiation')).toBe('Negotiation');
  expect(names('rejoin-client/websocket').split(',')).toEqual(expect.arrayContaining(['RejoinWebSocket', 'rejoinWebSocket']));
  expect(run(process.execPath, ['-e', "import('rejoin-client/react').catch((e) => console.log(e.message.includes('react')))"]).trim()).toBe('true'); // the application's, not ours
  expect(run(process.execPath, ['-e', "import('rejoin-client/dist/link.js').catch((e) => console.log(e.code))"]).trim()).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED');
});
