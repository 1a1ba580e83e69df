// npm run bundle -- <outfile>: all of the client as one minified ES module; the same sources give the same bytes.
import { build } from 'esbuild';

const outfile = process.argv[2];
if (!outfile) throw new Error('usage: npm run bundle -- <outfile>');
await build({
  stdin: { contents: "export * from './index.js';\nexport * from './negotiation.js';\nexport * from './websocket.js';", resolveDir: 'src', loader: 'ts' },
  outfile, bundle: true, minify: true, format: 'esm', target: 'es2022', legalComments: 'none',
});
