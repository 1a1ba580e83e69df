import { randomBytes } from '../../client/src/platform.js';

/** The two sides of this page: those of the plain dialect. */
export type Role = 'wallet' | 'extension';

/** What the fragment of the address says: role and room; it never reaches the server that gave us the page. */
export interface Place {
  role: Role;
  room: string;
  /** Only through a TURN server. */
  relay: boolean;
}

/** Reads the fragment; who comes without one is the extension of a new room. */
export function placeOf(fragment: string): Place {
  const fields = new URLSearchParams(fragment.replace(/^#/, ''));
  const room = fields.get('room') ?? '';
  return {
    role: fields.get('role') === 'wallet' ? 'wallet' : 'extension',
    room: /^[0-9a-f]{64}$/i.test(room) ? room : newRoom(),
    relay: fields.has('relay'),
  };
}

export function fragmentOf({ role, room, relay }: Place): string {
  return `#role=${role}&room=${room}${relay ? '&relay=1' : ''}`;
}

export const otherRole = (role: Role): Role => (role === 'wallet' ? 'extension' : 'wallet');

export const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

const newRoom = (): string => hex(randomBytes(32));
