import { cancel, monotonic, repeat, type Timer } from '../../client/src/platform.js';

/** What the two pages say to each other over the data channel. */
export type Word =
  | { type: 'ping'; at: number }
  | { type: 'pong'; at: number }
  | { type: 'say'; text: string }
  | { type: 'receipts'; receipts: { id: string; replayed: boolean }[] };

export interface ChannelEvents {
  state(open: boolean): void;
  latency(ms: number): void;
  said(text: string): void;
  receipts(receipts: { id: string; replayed: boolean }[]): void;
}

/** The data channel of one connection: both sides make it with the same id, so either side's offer is enough. */
export class Channel {
  readonly #channel: RTCDataChannel;
  #pulse: Timer;

  constructor(pc: RTCPeerConnection, private readonly events: ChannelEvents) {
    this.#channel = pc.createDataChannel('demo', { negotiated: true, id: 0 });
    this.#channel.onopen = () => {
      events.state(true);
      this.#ping();
      this.#pulse = repeat(() => this.#ping(), 1000);
    };
    this.#channel.onclose = () => {
      cancel(this.#pulse);
      events.state(false);
    };
    this.#channel.onmessage = ({ data }: MessageEvent<string>) => this.#take(parse(data));
  }

  /** False when the channel is not open. */
  send(word: Word): boolean {
    if (this.#channel.readyState !== 'open') return false;
    this.#channel.send(JSON.stringify(word));
    return true;
  }

  #ping(): void {
    this.send({ type: 'ping', at: monotonic() });
  }

  #take(word: Word): void {
    if (word.type === 'ping') this.send({ type: 'pong', at: word.at });
    else if (word.type === 'pong') this.events.latency(monotonic() - word.at);
    else if (word.type === 'say') this.events.said(word.text);
    else if (word.type === 'receipts') this.events.receipts(word.receipts);
  }
}

/** Text that is not one of our words comes from another program. */
function parse(data: string): Word {
  try {
    const word = JSON.parse(data) as Word | null;
    if (typeof word?.type === 'string') return word;
  } catch {
    // text
  }
  return { type: 'say', text: data };
}
