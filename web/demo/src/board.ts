import { attempt, randomBytes } from '../../client/src/platform.js';
import type { Word } from './mesh.js';
import { hex } from './place.js';

export type Stroke = Extract<Word, { type: 'stroke' }>;

/** The board in its own units; the style sheet says how large it is shown. */
export const [width, height] = [1600, 900];
export const colors = ['#4338ca', '#0f766e', '#b45309', '#be123c', '#6d28d9', '#0369a1', '#4d7c0f', '#a21caf'];

/** So much is kept of a drawing; what comes behind it is not drawn. */
const most = { strokes: 1000, points: 4000 };
/** Of one stroke, so many numbers go into one message: small enough for any data channel. */
const piece = 400;

interface Line {
  color: number;
  points: number[];
}

/**
 * A drawing that is the union of all strokes that anyone has: each page sends what it has to a channel that opens. A stroke only grows at its
 * end, so that pieces may come twice or from several pages.
 */
export class Board {
  readonly #lines = new Map<string, Line>();
  readonly #context: CanvasRenderingContext2D;
  readonly #prefix = hex(randomBytes(4));
  #made = 0;
  #pen: { id: string; line: Line } | undefined;

  /** drawn gets what this page adds. */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly color: () => number,
    private readonly drawn: (stroke: Stroke) => void,
    private readonly pointed: (x: number, y: number) => void,
  ) {
    Object.assign(canvas, { width, height });
    this.#context = canvas.getContext('2d')!;
    Object.assign(this.#context, { lineWidth: 5, lineCap: 'round', lineJoin: 'round' });
    canvas.onpointerdown = (event) => {
      attempt(() => canvas.setPointerCapture(event.pointerId));
      this.#down(...this.#place(event));
    };
    canvas.onpointermove = (event) => this.#move(...this.#place(event));
    canvas.onpointerup = canvas.onpointercancel = () => (this.#pen = undefined);
    this.#listenToKeys();
  }

  get strokes(): number {
    return this.#lines.size;
  }

  /** All of it, as messages. */
  *all(): Generator<Stroke> {
    for (const [id, { color, points }] of this.#lines) {
      for (let from = 0; from < points.length; from += piece) yield { type: 'stroke', id, color, from, points: points.slice(from, from + piece) };
    }
  }

  /** Adds what a peer sent, as far as it is new. Peers are other people's programs: what does not fit is left out. */
  add({ id, color, from, points }: Stroke): void {
    if (typeof id !== 'string' || id.length > 40 || !Array.isArray(points) || points.length > piece || !points.every(Number.isFinite)) return;
    const line = this.#lines.get(id) ?? { color: Math.abs(Math.trunc(Number(color))) % colors.length || 0, points: [] };
    if (!(from <= line.points.length) || this.#lines.size >= most.strokes) return; // the points before it are still to come, from a page that has them
    this.#lines.set(id, line);
    this.#grow(line, points.slice(line.points.length - from));
  }

  #grow(line: Line, points: number[]): void {
    if (!points.length) return;
    const begin = Math.max(0, line.points.length - 2);
    line.points.push(...points.slice(0, Math.max(0, most.points - line.points.length)));
    this.#context.strokeStyle = colors[line.color]!;
    this.#context.beginPath();
    this.#context.moveTo(line.points[begin]!, line.points[begin + 1]!);
    for (let i = begin; i + 1 < line.points.length; i += 2) this.#context.lineTo(line.points[i]!, line.points[i + 1]!);
    this.#context.stroke();
  }

  #down(x: number, y: number): void {
    this.#pen = { id: `${this.#prefix}-${++this.#made}`, line: { color: this.color(), points: [] } };
    if (this.#lines.size < most.strokes) this.#lines.set(this.#pen.id, this.#pen.line);
    this.#draw(x, y);
  }

  #move(x: number, y: number): void {
    this.pointed(x, y);
    this.#draw(x, y);
  }

  #draw(x: number, y: number): void {
    if (!this.#pen) return;
    const { id, line } = this.#pen;
    const from = line.points.length;
    this.#grow(line, [x, y]);
    this.drawn({ type: 'stroke', id, color: line.color, from, points: [x, y] });
  }

  #place({ clientX, clientY }: PointerEvent): [number, number] {
    const { left, top, width: w, height: h } = this.canvas.getBoundingClientRect();
    return [Math.round(((clientX - left) / w) * width), Math.round(((clientY - top) / h) * height)];
  }

  /** Arrows move the pen, space puts it down and takes it up. */
  #listenToKeys(): void {
    let [x, y] = [width / 2, height / 2];
    const steps: Record<string, [number, number]> = { ArrowLeft: [-20, 0], ArrowRight: [20, 0], ArrowUp: [0, -20], ArrowDown: [0, 20] };
    this.canvas.onkeydown = (event) => {
      const step = steps[event.key];
      if (event.key === ' ' && this.#pen) this.#pen = undefined;
      else if (event.key === ' ') this.#down(x, y);
      else if (!step) return;
      else this.#move((x = Math.min(width, Math.max(0, x + step[0]))), (y = Math.min(height, Math.max(0, y + step[1]))));
      event.preventDefault();
    };
    this.canvas.onblur = () => (this.#pen = undefined);
  }
}
