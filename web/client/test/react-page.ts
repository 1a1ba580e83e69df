import { createElement as h, StrictMode, useState, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { useRejoin } from '../src/react.js';

// A page for the browser tests: what an application with the hook looks like, in StrictMode, which mounts everything twice.

const { url, room: first } = Object.fromEntries(new URLSearchParams(location.hash.slice(1))) as { url: string; room: string };
const log: string[] = [];
let renders = 0;

function Room({ room }: { room: string }): ReactNode {
  const [said, setSaid] = useState<string[]>([]);
  const { state, clientId, peers, error, send } = useRejoin({
    url, room, backoff: { min: 10, max: 50 },
    onMessage: ({ payload }) => setSaid((before) => [...before, (payload as { text: string }).text]),
    onPeer: ({ change }) => log.push(change),
  });
  renders++;
  const greet = (): unknown => Promise.all(peers.map(({ id }) => send({ to: id, method: 'chat', payload: { text: `hello from ${clientId}` } })));
  return h('section', {},
    h('p', { id: 'state' }, state), h('p', { id: 'me' }, clientId), h('p', { id: 'error' }, error?.code),
    h('ul', {}, peers.map(({ id, state }) => h('li', { key: id, className: 'peer' }, `${id} ${state}`))),
    h('ol', {}, said.map((text, i) => h('li', { key: i, className: 'said' }, text))),
    h('button', { id: 'greet', onClick: greet }, 'Greet'));
}

function App(): ReactNode {
  const [room, setRoom] = useState<string | undefined>(first);
  Object.assign(window, { move: setRoom, leave: () => setRoom(undefined) });
  return room && h(Room, { room });
}

Object.assign(window, { log, renders: () => renders });
createRoot(document.getElementById('root')!).render(h(StrictMode, {}, h(App)));
