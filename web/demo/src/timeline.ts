import { monotonic } from '../../client/src/platform.js';
import { byId, icon, make, show } from './dom.js';

export type EntryState = 'sent' | 'confirmed' | 'waiting' | 'received' | 'replayed' | 'superseded' | 'failed';

const words: Record<EntryState, string> = {
  sent: 'sent',
  confirmed: 'confirmed',
  waiting: 'waiting',
  received: 'received',
  replayed: 'replayed',
  superseded: 'superseded',
  failed: 'refused',
};

const names: Record<string, string> = { offer: 'Offer', answer: 'Answer', iceCandidate: 'Candidate', iceCandidates: 'Candidates' };
const most = 200;

/** What passed through the server, newest first. */
export class Timeline {
  #list = byId('timeline');
  #outgoing = new Map<string, { item: HTMLElement; kind: string; to: string; at: number }>();

  note(text: string): void {
    this.#put('note', make('span', '', text)).dataset['kind'] = 'note';
  }

  sent(requestId: string, kind: string, to: string): void {
    const item = this.#add('out', kind, requestId, 'sent');
    this.#outgoing.set(requestId, { item, kind, to, at: monotonic() });
  }

  received(requestId: string, kind: string, replayed: boolean): void {
    this.#add('in', kind, requestId, replayed ? 'replayed' : 'received');
  }

  /** Stored in the mailbox; unless the other side says soon that it has it, it waits there. */
  confirmed(requestId: string, peerIsAway: boolean): void {
    const entry = this.#outgoing.get(requestId);
    if (!entry || entry.item.dataset['state'] !== 'sent') return;
    const ms = Math.round(monotonic() - entry.at);
    set(entry.item, peerIsAway ? 'waiting' : 'confirmed');
    entry.item.querySelector('.req')?.append(` · ${ms} ms`);
    this.#count();
  }

  /** Of what is confirmed, everything that this peer is known not to have waits. */
  waiting(peer: string): void {
    for (const { item, to } of this.#outgoing.values()) if (to === peer && item.dataset['state'] === 'confirmed') set(item, 'waiting');
    this.#count();
  }

  failed(requestId: string, why: string): void {
    const entry = this.#outgoing.get(requestId);
    if (!entry) return;
    set(entry.item, 'failed', why);
    this.#outgoing.delete(requestId);
  }

  /** The other side has these; what it lacks before an offer it has was superseded by that offer. */
  delivered(receipts: { id: string; replayed: boolean }[]): void {
    for (const { id, replayed } of receipts) {
      const entry = this.#outgoing.get(id);
      if (!entry) continue;
      set(entry.item, replayed ? 'replayed' : 'received');
      if (entry.kind === 'offer') this.#supersedeBefore(id, new Set(receipts.map((receipt) => receipt.id)));
      this.#outgoing.delete(id);
    }
    this.#count();
  }

  /** A peer is gone for good, and never had these. */
  left(peer: string, undelivered: string[]): void {
    for (const id of undelivered) this.failed(id, 'undelivered');
    for (const [id, { to }] of this.#outgoing) if (to === peer) this.#outgoing.delete(id);
    this.#count();
  }

  #supersedeBefore(offer: string, delivered: Set<string>): void {
    for (const [id, { item }] of this.#outgoing) {
      if (id === offer) return;
      if (delivered.has(id)) continue;
      set(item, 'superseded');
      this.#outgoing.delete(id);
    }
  }

  #add(dir: 'in' | 'out', kind: string, requestId: string, state: EntryState): HTMLElement {
    const title = make('span', 'what', names[kind] ?? kind);
    title.prepend(make('span', 'hidden', dir === 'in' ? 'from the other side: ' : 'to the other side: '));
    const entry = make('div', 'entry', '');
    entry.append(icon(dir), title, make('span', 'req', requestId.slice(-6)), make('span', 'chip', ''));
    const item = this.#put(dir, entry);
    item.dataset['kind'] = kind;
    set(item, state);
    return item;
  }

  #put(dir: 'in' | 'out' | 'note', content: HTMLElement): HTMLElement {
    const item = document.createElement('li');
    item.dataset['dir'] = dir;
    item.append(make('time', '', new Date().toLocaleTimeString('en-GB')), content);
    this.#list.prepend(item);
    if (this.#list.childElementCount > most) this.#list.lastElementChild?.remove();
    return item;
  }

  /** How many of ours wait for the other side. */
  #count(): void {
    const n = [...this.#outgoing.values()].filter(({ item }) => item.dataset['state'] === 'waiting').length;
    show('mailbox', n ? `${n} waiting` : 'empty', n ? 'waiting' : 'empty');
  }
}

function set(item: HTMLElement, state: EntryState, text = words[state]): void {
  item.dataset['state'] = state;
  item.querySelector('.chip')!.replaceChildren(icon(state), text);
}
