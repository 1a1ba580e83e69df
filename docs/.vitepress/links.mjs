// Makes links that GitHub understands into links of the site.
import { existsSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { place, repository, root } from './pages.mjs';

/** anchor is the anchor GitHub gives to a heading, so that links into a page work in both places. */
export const anchor = (heading) => heading.trim().toLowerCase().replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '').replaceAll(' ', '-');

/** siteLinks is a plugin of markdown-it: relative links lead to pages, or to the repository for files that are no pages. */
export function siteLinks(md) {
  md.core.ruler.push('site_links', ({ tokens, env }) => {
    // To Vite a path without a dot in front is a package.
    for (const token of tokens) if (token.type === 'html_block') token.content = token.content.replaceAll(/ src="(?=\w[^:"]*")/g, ' src="./');
    for (const token of tokens.flatMap((block) => block.children ?? [])) {
      const href = token.type === 'link_open' ? token.attrGet('href') : '#';
      if (!/^(#|\/|[a-z]+:)/i.test(href)) token.attrSet('href', resolve(env.realPath ?? env.path, href));
    }
  });
}

// resolve fails for what is not there: VitePress would only see that of pages.
function resolve(source, href) {
  const [, path, fragment] = /^([^#]*)(#.*)?$/.exec(href);
  const target = posix.join(posix.dirname(posix.relative(root, source)), decodeURIComponent(path));
  if (target.startsWith('..') || !existsSync(root + target)) throw new Error(`${source}: dead link ${href}`);
  const onSite = place(target);
  if (onSite) return '/' + onSite + (fragment ?? '');
  return `${repository}/${statSync(root + target).isDirectory() ? 'tree' : 'blob'}/main/${target.replace(/\/$/, '')}${fragment ?? ''}`;
}
