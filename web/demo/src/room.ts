// The room: up to eight pages as equals, one board. What is drawn goes from page to page; Rejoin only brings them together, again and again.
import { RejoinClient } from '../../client/src/index.js';
import { attempt, monotonic, randomBytes } from '../../client/src/platform.js';
import { Board } from './board.js';
import { byId, make, show } from './dom.js';
import { Mesh, type Word } from './mesh.js';
import { BreakableSocket, cutSilently } from './network.js';
import { People } from './people.js';
import { hex } from './place.js';
import { qrCode } from './qr.js';
import { phoneUrl, readConfig, signalingUrl } from './service.js';

const most = 8;

const config = await readConfig();
const fields = new URLSearchParams(location.hash.replace(/^#/, ''));
const room = fields.get('room') || `board-${hex(randomBytes(8))}`;
let name = fields.get('name') || `Guest ${hex(randomBytes(1))}`;
keepPlace();
addEventListener('hashchange', () => location.reload());

const people = new People();
const closed: string[] = []; // the peers whose channels closed, for the tests
let pointedAt = 0;
const board = new Board(
  byId<HTMLCanvasElement>('board'),
  () => people.colorOf(client.clientId),
  (stroke) => mesh.send(stroke),
  (x, y) => {
    if (monotonic() - pointedAt < 30) return; // a mouse may move far more often
    pointedAt = monotonic();
    mesh.send({ type: 'pointer', x, y });
  },
);
let client: RejoinClient;
let mesh: Mesh;

/** Name and room are in the fragment, which never reaches the server that gave us the page: a reload keeps them. */
function keepPlace(): void {
  const fragment = `#${new URLSearchParams({ room, name })}`;
  attempt(() => history.replaceState(null, '', fragment), () => (location.hash = fragment));
}

function note(text: string): void {
  show('news', text);
  byId('log').prepend(make('li', '', text));
  if (byId('log').childElementCount > 50) byId('log').lastElementChild!.remove();
}

const names = new Map<string, string>();
const nameOf = (id: string): string => names.get(id) ?? 'Someone';

function join(): void {
  client = new RejoinClient({ url: signalingUrl(config), room, WebSocket: BreakableSocket, silence: 2000, answerTimeout: 1500 });
  mesh = new Mesh(client, {
    channel(id, open) {
      if (open) {
        mesh.send({ type: 'hello', name }, id);
        for (const stroke of board.all()) mesh.send(stroke, id);
      } else closed.push(id);
      note(`${nameOf(id)}: the channel is ${open ? 'open' : 'closed'}.`);
      showPeople();
    },
    word: take,
    latency(id, ms) {
      people.latency(id, ms);
      showPeople();
    },
    failed(error) {
      console.warn('negotiation', error);
      if (typeof RTCPeerConnection === 'undefined') note('This browser has no WebRTC, or it is switched off.');
    },
  });
  listen();
}

function listen(): void {
  client.on('state', (state) => {
    show('session', { open: 'connected', connecting: 'connecting', waiting: 'cut off, coming back', ended: 'left' }[state], state);
    show('leave-name', state === 'ended' ? 'Join again' : 'Leave');
    showPeople();
  });
  client.on('session', ({ resumed, reason, replay, peers }) => {
    if (!resumed && peers.length >= most) {
      client.close();
      return note(`The room is full: ${most} are here.`);
    }
    note(resumed ? `Back in the same session; ${replay} messages had waited.` : reason ? `A fresh session: the earlier one is ${reason}.` : 'In the room.');
    if (!config.iceServers) mesh.call();
    showPeople();
  });
  client.on('iceServers', () => mesh.call()); // behind every session, where there are any
  client.on('peer', ({ id, change }) => {
    if (change === 'suspended') note(`${nameOf(id)} is cut off from the server; the channel is not.`);
    if (change === 'resumed') note(`${nameOf(id)} is back.`);
    if (change === 'connected') note('Someone has come.');
    if (change === 'disconnected') note(`${nameOf(id)} has left.`);
    showPeople();
  });
  client.on('disconnected', () => note('Cut off from the server; the channels stay.'));
  client.on('ended', ({ code, message }) => {
    if (code !== 'closed') note(code === 'resumedElsewhere' ? 'Another tab took this session up.' : `Ended: ${message}.`);
  });
}

/** A peer's word. It may be another program: nothing is taken for granted. */
function take(id: string, word: Word): void {
  if (word.type === 'stroke') board.add(word);
  else if (word.type === 'pointer') people.point(id, Number(word.x), Number(word.y));
  else if (word.type === 'hello') {
    names.set(id, String(word.name).slice(0, 24));
    people.name(id, nameOf(id));
  }
}

function showPeople(): void {
  const here = client.state === 'ended' ? [] : [...client.peers];
  people.keep(new Set([client.clientId, ...here.map(([id]) => id)]));
  if (client.clientId) {
    people.show(client.clientId, 'self', true);
    people.name(client.clientId, name);
  }
  for (const [id, presence] of here) people.show(id, presence, mesh.isOpen(id));
  show('count', `${here.filter(([id]) => mesh.isOpen(id)).length} of ${here.length} channels open`);
}

function invite(): void {
  const fragment = `#${new URLSearchParams({ room })}`;
  byId<HTMLAnchorElement>('other').href = fragment;
  const phone = phoneUrl(config, fragment);
  if (!phone) return show('phone-note', 'For a phone, open this page by an address of this machine that the phone can reach.');
  byId('qr').append(qrCode(phone.url, 'QR code: open this room on a phone'));
  show('phone-note', `A phone opens it by the code, at ${phone.host}.`);
}

const awayMs = (): number => Math.min(59, Math.max(1, Number(byId<HTMLInputElement>('seconds').value) || 5)) * 1000;

const input = byId<HTMLInputElement>('name');
input.value = name;
input.onchange = () => {
  name = input.value.trim().slice(0, 24) || name;
  keepPlace();
  mesh.send({ type: 'hello', name });
  showPeople();
};
byId('cut').onclick = () => {
  const ms = awayMs();
  note(`Cut silently for ${ms / 1000} s: neither side is told.`);
  cutSilently(ms, () => client.wake());
};
byId('away').onclick = () => client.reconnect(awayMs());
byId('reload').onclick = () => location.reload();
byId('leave').onclick = () => (client.state === 'ended' ? join() : client.close());

invite();
join();
// For the browser tests, and for the console.
Object.assign(window, { rejoin: { get client() { return client; }, get mesh() { return mesh; }, board, closed } });
