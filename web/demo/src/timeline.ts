import { byId, make } from './dom.js';

export type EntryState = 'sent' | 'confirmed' | 'waiting' | 'received' | 'replayed' | 'superseded' | 'failed';

const words: Record<EntryState, string> = {
  sent: 'sent',
  confirmed: 'confirmed',
  waiting: 'waiting in the mailbox',
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
  #outgoing = new Map<string, { item: HTMLElement; kind: string; at: number }>();

  note(text: string): void {
    this.#add('note', text, '').dataset['kind'] = 'note';
  }

  sent(requestId: string, kind: string): void {
    const item = this.#add('out', names[kind] ?? kind, requestId, 'sent');
    item.dataset['kind'] = kind;
    this.#outgoing.set(requestId, { item, kind, at: performance.now() });
  }

  received(requestId: string, kind: string, replayed: boolean): void {
    this.#add('in', names[kind] ?? kind, requestId, replayed ? 'replayed' : 'received').dataset['kind'] = kind;
  }

  /** Stored in the mailbox; unless the other side says soon that it has it, it waits there. */
  confirmed(requestId: string, peerIsAway: boolean): void {
    const entry = this.#outgoing.get(requestId);
    if (!entry || entry.item.dataset['state'] !== 'sent') return;
    const ms = Math.round(performance.now() - entry.at);
    set(entry.item, peerIsAway ? 'waiting' : 'confirmed');
    entry.item.querySelector('.req')?.append(` · ${ms} ms`);
  }

  /** Of what is confirmed, everything that the other side is known not to have waits. */
  waiting(): void {
    for (const { item } of this.#outgoing.values()) if (item.dataset['state'] === 'confirmed') set(item, 'waiting');
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
      set(entry.item, replayed ? 'replayed' : 'received', replayed ? 'arrived later' : 'received');
      if (entry.kind === 'offer') this.#supersedeBefore(id, new Set(receipts.map((receipt) => receipt.id)));
      this.#outgoing.delete(id);
    }
  }

  #supersedeBefore(offer: string, delivered: Set<string>): void {
    for (const [id, { item }] of this.#outgoing) {
      if (id === offer) return;
      if (delivered.has(id)) continue;
      set(item, 'superseded');
      this.#outgoing.delete(id);
    }
  }

  #add(dir: 'in' | 'out' | 'note', what: string, requestId: string, state?: EntryState): HTMLElement {
    const item = document.createElement('li');
    item.dataset['dir'] = dir;
    const direction = { in: 'from the other side: ', out: 'to the other side: ', note: '' }[dir];
    const time = make('time', '', new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' }));
    const title = make('span', 'what', what);
    title.prepend(make('span', 'hidden', direction));
    item.append(time, title, make('span', 'req', requestId.slice(-6)), make('span', 'chip', ''));
    if (state) set(item, state);
    else item.lastElementChild?.remove();
    this.#list.prepend(item);
    if (this.#list.childElementCount > most) this.#list.lastElementChild?.remove();
    return item;
  }
}

function set(item: HTMLElement, state: EntryState, text = words[state]): void {
  item.dataset['state'] = state;
  item.querySelector('.chip')!.textContent = text;
}
