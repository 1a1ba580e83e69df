import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Builds the server once for all test files; its path is in REJOIN_TEST_SIGNAL, unless that names one already. */
export default function setup(): () => void {
  if (process.env['REJOIN_TEST_SIGNAL']) return () => {};
  const dir = mkdtempSync(join(tmpdir(), 'rejoin-web-'));
  const path = join(dir, 'signal');
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  execFileSync('go', ['build', '-buildvcs=false', '-o', path, './functions/signal'], { cwd: root, stdio: 'inherit' });
  process.env['REJOIN_TEST_SIGNAL'] = path;
  return () => rmSync(dir, { recursive: true });
}
