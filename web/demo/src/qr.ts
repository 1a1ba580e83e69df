import { encode } from 'uqr';

const svg = 'http://www.w3.org/2000/svg';

/** A QR code as one path; label is its text for screen readers. */
export function qrCode(text: string, label: string): SVGElement {
  const { data, size } = encode(text, { border: 2, ecc: 'M' });
  const root = document.createElementNS(svg, 'svg');
  root.setAttribute('viewBox', `0 0 ${size} ${size}`);
  root.setAttribute('role', 'img');
  root.setAttribute('aria-label', label);
  const path = document.createElementNS(svg, 'path');
  path.setAttribute('d', data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ''))).join(''));
  path.setAttribute('fill', '#111');
  root.append(path);
  return root;
}
