// The page: it is a client of the room its address names, and shows what happens.
import { type OutgoingMessage, RejoinClient, RejoinError } from '../../client/src/index.js';
import { attempt, later, randomBytes } from '../../client/src/platform.js';
import { byId, make, short, show } from './dom.js';
import { BreakableSocket, cutSilently } from './network.js';
import { Peer } from './peer.js';
import { fragmentOf, hex, otherRole, placeOf } from './place.js';
import { qrCode } from './qr.js';
import { phoneUrl, readConfig, signalingUrl } from './service.js';
import { Timeline } from './timeline.js';

/** A client that notes what it sends. Noticing a dead network within seconds is for the show; the defaults are calmer. */
class NotedClient extends RejoinClient {
  override send(message: OutgoingMessage): Promise<void> {
    const requestId = `${prefix}-${++made}`;
    timeline.sent(requestId, message.method, message.to);
    const answer = super.send({ ...message, requestId });
    answer.then(
      () => {
        timeline.confirmed(requestId, this.peers.get(message.to) === 'suspended');
        later(() => peer.id === message.to && channelIsOpen() || timeline.waiting(message.to), 1500);
      },
      (error: RejoinError) => timeline.failed(requestId, error.code),
    );
    return answer;
  }
}

const config = await readConfig();
const place = placeOf(location.hash);
attempt(() => history.replaceState(null, '', fragmentOf(place)), () => (location.hash = fragmentOf(place)));
addEventListener('hashchange', () => location.reload());

const timeline = new Timeline();
let client: NotedClient;
let peer: Peer;
const prefix = hex(randomBytes(5)); // of request ids
let made = 0;
let first = true; // no session yet in the life of this page

const channelIsOpen = (): boolean => byId('channel').dataset['state'] === 'open';
const awayMs = (): number => Math.min(59, Math.max(1, Number(byId<HTMLInputElement>('seconds').value) || 5)) * 1000;
const news = (text: string): void => {
  show('news', text);
  timeline.note(text);
};

function join(): void {
  client = new NotedClient({
    url: signalingUrl(config), room: place.room, role: place.role, dialect: 'rejoin.v1', WebSocket: BreakableSocket, silence: 2000, answerTimeout: 1500,
  });
  const polite = place.role === 'wallet';
  peer = new Peer(client, polite, place.relay, {
    state(open) {
      show('channel', open ? 'open' : 'closed', open ? 'open' : 'ended');
      if (open) news('The channel is open.');
      if (open) peer.flush();
      else show('latency', '–');
    },
    latency: (ms) => show('latency', `${ms.toFixed(1)} ms`),
    said: (text) => say('theirs', text),
    receipts: (receipts) => timeline.delivered(receipts),
  });
  listen();
}

function listen(): void {
  client.on('state', (state) => {
    show('session', { open: 'open', connecting: 'connecting', waiting: 'lost, coming back', ended: 'ended' }[state], state);
    show('close-name', state === 'ended' ? 'Join again' : 'Close cleanly');
    show('close-note', state === 'ended' ? 'a fresh session' : 'leave the room');
  });
  client.on('session', (session) => {
    show('me', short(session.clientId));
    const returned = session.resumed && first;
    if (!session.resumed) peer.meet('');
    if (session.resumed) {
      const left = session.superseded ? `, ${session.superseded} superseded` : '';
      news(`Back in the same session: ${session.replay} replayed${left}.`);
    } else news(session.reason ? `A fresh session: the earlier one is ${session.reason}.` : 'In the room.');
    first = false;
    if (config.iceServers) client.on('iceServers', once(() => choosePeer(returned)));
    else choosePeer(returned);
  });
  client.on('peer', ({ id, change, undelivered }) => {
    if (change === 'suspended') news(`The other side (${short(id)}) lost its connection; what is sent waits for it.`);
    if (change === 'resumed') news(`The other side (${short(id)}) is back.`);
    if (change === 'disconnected') news(`The other side (${short(id)}) has left.`);
    if (change === 'disconnected') timeline.left(id, undelivered);
    if (change === 'connected') news(`The other side (${short(id)}) has come.`);
    choosePeer(false);
  });
  client.on('message', ({ from, requestId, method, replayed }) => {
    timeline.received(requestId, method, replayed);
    if (from !== peer.id) peer.meet(from);
    peer.receipt(requestId, replayed);
    const trap = byId<HTMLInputElement>('trap');
    if (trap.checked && (method === 'offer' || method === 'answer')) {
      trap.checked = false;
      cut();
    }
  });
  client.on('disconnected', ({ reason }) => news(reason === 'reconnect' ? 'Dropped the connection.' : 'Lost the connection; coming back.'));
  client.on('goAway', () => news('The server asked to move to another connection.'));
  client.on('ended', (error) => news(error.code === 'resumedElsewhere' ? 'Another tab took this session up.' : `Ended: ${error.message}.`));
}

const once = (f: () => void): (() => void) => {
  let done = false;
  return () => {
    if (!done) f();
    done = true;
  };
};

/** Talks to the newest peer that is not away, else to the newest. The extension offers first; the wallet only when it is new here. */
function choosePeer(returned: boolean): void {
  const ids = [...client.peers.keys()];
  const keep = client.peers.get(peer.id) === 'live' ? peer.id : undefined;
  const id = keep ?? ids.filter((i) => client.peers.get(i) === 'live').at(-1) ?? (client.peers.has(peer.id) ? peer.id : ids.at(-1)) ?? '';
  const isNew = id !== peer.id;
  peer.meet(id);
  const presence = client.peers.get(id) ?? 'none';
  show('peer', short(id) || '–');
  show('presence', { live: 'here', suspended: 'away', none: 'nobody yet' }[presence], presence);
  byId('invite').hidden = ids.length > 0;
  if (!id) show('channel', 'not open', 'new');
  if (id && (returned || (isNew && place.role === 'extension'))) peer.start();
}

function cut(): void {
  const ms = awayMs();
  news(`Cut silently for ${ms / 1000} s: neither side is told.`);
  cutSilently(ms, () => client.wake());
}

function say(whose: 'ours' | 'theirs', text: string): void {
  const item = make('li', whose, text);
  item.prepend(make('span', 'hidden', whose === 'ours' ? 'You: ' : 'Other side: '));
  byId('said').append(item);
  byId('said').tabIndex = 0; // it may have to be scrolled
  item.scrollIntoView({ block: 'nearest' });
}

function invite(): void {
  const role = otherRole(place.role);
  const fragment = fragmentOf({ ...place, role });
  show('role', place.role);
  for (const id of ['their-role', 'other-role']) show(id, role);
  byId('our-icon').setAttribute('href', `#i-${place.role}`);
  byId('their-icon').setAttribute('href', `#i-${role}`);
  document.title = `${place.role} · Rejoin demo`;
  byId<HTMLAnchorElement>('other').href = fragment;
  const phone = phoneUrl(config, fragment);
  if (!phone) return show('phone-note', 'For a phone, open this page by an address of this machine that the phone can reach.');
  byId('qr').append(qrCode(phone.url, `QR code: open the ${role} on a phone`));
  show('phone-note', `A phone opens it by the code, at ${phone.host}.`);
}

byId('skip').onclick = (event) => {
  event.preventDefault(); // the fragment is taken: it names the room
  byId('timeline-title').focus();
};
byId('cut').onclick = cut;
byId('away').onclick = () => client.reconnect(awayMs());
byId('reload').onclick = () => location.reload();
byId('close').onclick = () => (client.state === 'ended' ? join() : client.close());
byId('again').onclick = () => peer.start();
byId('say').onsubmit = (event) => {
  event.preventDefault();
  const input = byId<HTMLInputElement>('words');
  if (!input.value) return;
  if (!peer.send({ type: 'say', text: input.value })) return news('The channel is not open.');
  say('ours', input.value);
  input.value = '';
};

invite();
join();
// For the browser tests, and for a look from the console.
Object.assign(window, { rejoin: { get client() { return client; }, get pc() { return peer.pc; } } });
