// The documentation as a site. Its source is the repository itself: pages are files that read as well on GitHub.
import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitepress';
import { anchor, siteLinks } from './links.mjs';
import { excluded, place, repository, root, sidebar } from './pages.mjs';

const icon = 'data:image/svg+xml;base64,' + readFileSync(root + 'web/demo/static/icon.svg').toString('base64');

// What pages outside of docs/ import (Vue, once they are compiled) is installed here, not there.
const importsOfPages = {
  name: 'imports-of-pages',
  enforce: 'pre',
  resolveId(id, importer) {
    if (/^vue(\/|$)/.test(id) && importer?.endsWith('.md')) return this.resolve(id, root + 'docs/.vitepress/config.mjs', { skipSelf: true });
  },
};

export default defineConfig({
  title: 'Rejoin',
  description: 'A WebRTC signaling server whose clients can vanish and come back.',
  head: [['link', { rel: 'icon', href: icon }]],
  srcDir: root,
  srcExclude: excluded,
  rewrites: (path) => place(path) ?? path,
  cleanUrls: true,
  ignoreDeadLinks: 'localhostLinks', // the demo of a server that runs beside the reader
  markdown: { anchor: { slugify: anchor }, config: (md) => md.use(siteLinks) },
  vite: {
    plugins: [importsOfPages],
    publicDir: false,
    build: { chunkSizeWarningLimit: 1024, assetsInlineLimit: 0 }, // kB: the search index is one chunk
    server: { watch: { ignored: ['**/.cache/**', '**/node_modules/**'] } },
  },
  themeConfig: {
    logo: icon,
    outline: [2, 3],
    search: { provider: 'local' },
    sidebar,
    socialLinks: [{ icon: 'github', link: repository }],
    externalLinkIcon: true,
  },
});
