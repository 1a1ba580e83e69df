// The board for applications that have PeerJS: npm peerjs, unmodified, with Rejoin in place of PeerServer.
import { Peer, type DataConnection } from 'peerjs';
import { randomBytes } from '../../client/src/platform.js';
import { Board } from './board.js';
import { byId, make, show } from './dom.js';
import type { Word } from './mesh.js';
import { hex } from './place.js';
import { readConfig, signalingUrl } from './service.js';

const config = await readConfig();
const room = new URLSearchParams(location.hash.slice(1)).get('room') || hex(randomBytes(8));
history.replaceState(null, '', `#room=${room}`);
byId<HTMLAnchorElement>('other').href = location.hash;

let place = 0; // PeerJS has no rooms: pages take the ids room-1 to room-8, and call all others
let peer: Peer;
const connections = new Map<string, DataConnection>();
const board = new Board(byId('board'), () => place, (stroke) => connections.forEach((to) => void to.send(stroke)), () => {});

function look(news: string): void {
  show('news', news);
  byId('log').prepend(make('li', '', news));
  show('session', peer?.open ? `connected as number ${place}` : 'not connected', peer?.open ? 'open' : 'waiting');
  show('count', `${connections.size}`);
}

function take(connection: DataConnection): void {
  connection.on('open', () => {
    connections.set(connection.peer, connection);
    for (const stroke of board.all()) void connection.send(stroke);
    look(`${connection.peer}: the channel is open`);
  });
  connection.on('data', (word) => (word as Word).type === 'stroke' && board.add(word as never));
  connection.on('close', () => connections.get(connection.peer) === connection && connections.delete(connection.peer) && look(`${connection.peer} has left`));
}

function enter(): void {
  const { hostname, port } = new URL(signalingUrl(config).replace(/^ws/, 'http'));
  const self = (peer = new Peer(`${room}-${++place}`, { host: hostname, port: Number(port), ...config.peerJS!, config: { iceServers: [] } }));
  self.once('open', () => Array.from({ length: 8 }, (_, i) => i + 1).filter((other) => other !== place).forEach(call));
  self.on('connection', take);
  self.on('disconnected', () => setTimeout(() => self.destroyed || self.reconnect(), 1000)); // the library leaves it to the application
  self.on('error', ({ type }) => type === 'unavailable-id' && place < 8 && enter());
  for (const event of ['open', 'disconnected'] as const) self.on(event, () => look(event));
  Object.assign(window, { rejoin: { peer, board, connections } }); // for the browser tests, and for the console
}

function call(other: number): void {
  const connection = peer.connect(`${room}-${other}`, { serialization: 'json', reliable: true });
  take(connection);
  setTimeout(() => connection.open || connection.close(), 10_000);
}

byId('away').onclick = () => peer.disconnect();
byId('reload').onclick = () => location.reload();
if (config.peerJS) enter();
else look('This server does not serve PeerJS: start it with PEERJS_PATH=/peerjs.');
