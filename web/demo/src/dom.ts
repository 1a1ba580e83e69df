export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`no element ${id}`);
  return element as T;
}

export function make(tag: string, className: string, text: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/** One of the symbols that the page has. */
export function icon(name: string): SVGElement {
  const namespace = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  svg.append(document.createElementNS(namespace, 'use'));
  svg.firstElementChild!.setAttribute('href', `#i-${name}`);
  return svg;
}

/** Sets text, and a state for the style sheet, and touches nothing that is the same already. */
export function show(id: string, text: string, state?: string): void {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
  if (state && element.dataset['state'] !== state) element.dataset['state'] = state;
}

export const short = (id: string): string => id.slice(0, 8);
