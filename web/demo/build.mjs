// npm run build: the pages in dist/. The same sources give the same bytes.
import { cpSync, mkdirSync } from 'node:fs';
import { build } from 'esbuild';

/** Bundles the pages into a directory. */
export async function buildInto(dir) {
  mkdirSync(dir, { recursive: true });
  cpSync('static', dir, { recursive: true });
  await build({
    entryPoints: ['src/app.ts', 'src/room.ts'], outdir: dir,
    bundle: true, minify: true, format: 'esm', target: 'es2022', legalComments: 'none', logLevel: 'warning',
  });
}

if (process.argv[2]) await buildInto(process.argv[2]);
