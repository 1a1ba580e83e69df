// Which files of the repository are pages of the site, and their paths there.
import { existsSync, readdirSync } from 'node:fs';

export const root = new URL('../../', import.meta.url).pathname;
export const repository = 'https://github.com/rejoin-dev/rejoin';

export const excluded = ['**/testdata/**', 'terraform/modules/**', 'docs/performance/**'];

// Pages in docs/ are at the top of the site. These are the others.
const elsewhere = {
  'README.md': 'readme.md',
  'SECURITY.md': 'security.md',
  'CHANGELOG.md': 'changelog.md',
  'CONTRIBUTING.md': 'contributing.md',
  'CODE_OF_CONDUCT.md': 'code-of-conduct.md',
  'web/client/README.md': 'browser-client.md',
  'terraform/README.md': 'terraform/index.md',
  'deploy/helm/rejoin/README.md': 'helm.md',
};

/** place takes the path of a Markdown file in the repository and returns its path on the site, or undefined if it is not a page. */
export function place(path) {
  if (path in elsewhere) return elsewhere[path];
  if (/^terraform\/[\w-]+\/README\.md$/.test(path)) return path.replace('/README', '');
  if (path.startsWith('docs/') && !path.startsWith('docs/performance/')) return path.slice('docs/'.length);
  return undefined;
}

const page = (text, path) => {
  if (!existsSync(root + path)) throw new Error(`the sidebar names ${path}, which does not exist`);
  return { text, link: '/' + place(path).replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '') };
};

const roots = ['docker-host', 'kubernetes', 'aws-ecs', 'azure-container-apps', 'google-cloud-run'].map((name) => page(name, `terraform/${name}/README.md`));
const runbooks = readdirSync(root + 'docs/runbooks').map((file) => page(file.slice('Rejoin'.length, -'.md'.length), `docs/runbooks/${file}`));

export const sidebar = [
  {
    text: 'Use it',
    items: [
      page('Quick start', 'docs/quickstart.md'),
      page('Rooms', 'docs/rooms.md'),
      page('Clients', 'docs/clients.md'),
      page('Who may connect', 'docs/auth.md'),
      page('Protocol', 'docs/protocol.md'),
      page('Browser client', 'web/client/README.md'),
      page('Moving over', 'docs/moving-over.md'),
      page('Coming from PeerServer', 'docs/peerjs.md'),
    ],
  },
  {
    text: 'Run it',
    items: [
      page('Deploying', 'docs/deploying.md'),
      page('Settings', 'docs/settings.md'),
      page("A wallet's own server", 'docs/wallet-server.md'),
      page('Helm chart', 'deploy/helm/rejoin/README.md'),
      { ...page('Terraform', 'terraform/README.md'), collapsed: true, items: roots },
      page('Operating', 'docs/operating.md'),
      page('Observing', 'docs/observing.md'),
      { text: 'Runbooks', collapsed: true, items: runbooks },
      page('Security', 'SECURITY.md'),
    ],
  },
  {
    text: 'Look inside',
    items: [
      page('Architecture', 'docs/architecture.md'),
      page('Reliability', 'docs/reliability.md'),
      page('Performance', 'docs/performance.md'),
      page('Scaling', 'docs/scaling.md'),
      page('Requirements', 'docs/requirements.md'),
    ],
  },
  {
    text: 'Work on it',
    items: [
      page('Contributing', 'CONTRIBUTING.md'),
      page('Where things are', 'docs/layout.md'),
      page('Versioning', 'docs/versioning.md'),
      page('Releasing', 'docs/releasing.md'),
      page('Changelog', 'CHANGELOG.md'),
      page('README', 'README.md'),
    ],
  },
];
