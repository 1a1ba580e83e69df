import { byId, make } from './dom.js';
import { colors, height, width } from './board.js';

export type Presence = 'live' | 'suspended';

/** Who is in the room, as a list beside the board and as pointers on it. The first one is this page. */
export class People {
  #items = new Map<string, { item: HTMLElement; pointer: HTMLElement; latency: string }>();

  /** The color of a client, the same on every page; two may share one. */
  colorOf(id: string): number {
    return [...id].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9973, 7) % colors.length;
  }

  show(id: string, presence: Presence | 'self', isOpen: boolean): void {
    const { item, latency } = this.#entry(id);
    item.dataset['presence'] = presence;
    item.dataset['channel'] = isOpen ? 'open' : 'closed';
    const signaling = { self: 'this page', live: 'here', suspended: 'cut off, expected back' }[presence];
    const channel = presence === 'self' ? '' : isOpen ? `, channel open${latency}` : ', no channel yet';
    set(item.querySelector('.how')!, signaling + channel);
  }

  name(id: string, name: string): void {
    const { item, pointer } = this.#entry(id);
    for (const element of [item.querySelector('.name')!, pointer]) set(element, name.slice(0, 24) || 'Someone');
  }

  latency(id: string, ms: number): void {
    this.#entry(id).latency = `, ${ms.toFixed(1)} ms`;
  }

  point(id: string, x: number, y: number): void {
    const { pointer } = this.#entry(id);
    pointer.hidden = !(x >= 0 && x <= width && y >= 0 && y <= height);
    pointer.style.left = `${(x / width) * 100}%`;
    pointer.style.top = `${(y / height) * 100}%`;
  }

  /** Everyone but these has gone. */
  keep(ids: Set<string>): void {
    for (const [id, { item, pointer }] of this.#items) {
      if (ids.has(id)) continue;
      item.remove();
      pointer.remove();
      this.#items.delete(id);
    }
  }

  #entry(id: string): { item: HTMLElement; pointer: HTMLElement; latency: string } {
    const known = this.#items.get(id);
    if (known) return known;
    const item = make('li', 'person', '');
    const color = `color-${this.colorOf(id)}`;
    item.dataset['id'] = id;
    item.append(make('span', `dot ${color}`, ''), make('span', 'name', 'Someone'), make('span', 'how', ''));
    byId('people').append(item);
    const pointer = make('div', `pointer ${color}`, 'Someone');
    pointer.hidden = true;
    byId('pointers').append(pointer);
    const entry = { item, pointer, latency: '' };
    this.#items.set(id, entry);
    return entry;
  }
}

function set(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
