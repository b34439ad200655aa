/** What the generated code of compiler/bundle.js calls in the runtime (runtime/index.ts), and what it hands over. */

/** JSON and code of the program's author. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- checked by the author's own compiler, not by ours
type Loose = any

/** app.json, completed by the compiler. Everything else of app.json is passed on as it was written. */
export interface AppConfig {
  /** every page of the program, those of sub-packages with their root in front, in the order of app.json */
  pages: string[]
  /** roots end without a slash; `pages` are relative to the root */
  subPackages: { root: string; name?: string; pages: string[] }[]
  /** theme.json when app.json names a themeLocation; values "@name" in app.json and page.json are left as they are */
  theme?: { light: Record<string, string>; dark: Record<string, string> }
  /** pictures and other files of the program: path with a leading slash -> address relative to index.html */
  assets: Record<string, string>
  [key: string]: Loose
}

/**
 * Code of one chunk's templates as glass-easel's template compiler made it: `groups[path]` is the template of a component,
 * the whole object is what glass-easel calls `groupList`.
 */
export type Groups = Record<string, Loose>

/** Called first, before any definition; the returned function is called last and opens the first page. */
export function boot(app: AppConfig, appCss: string, host?: Record<string, Loose>): () => void

/** One page or component. `load` runs its script, once, inside Page/Component/Behavior, when it is drawn for the first time. */
export function define(
  path: string,
  json: Record<string, Loose>,
  groups: Groups,
  css: string,
  scope: string | undefined,
  load: () => unknown,
): void

/** One of WeChat's own elements, from preview/builtin/<tag>.{wxml,ts}. Called before any `define`. */
export function defineBuiltin(tag: string, groups: Groups, load: () => unknown): void

/** Pages below `root` may be opened only after `loadChunk()` has resolved: it calls `define` for them. Calling it again costs nothing. */
export function subPackage(root: string, loadChunk: () => Promise<unknown>): void

/** One entry of `early` in the configuration. */
export interface Early {
  /** the first page of the program, which asks for this when it opens */
  page: string
  url: string
  /** key of wx storage with which the page would ask otherwise, such as that of a token */
  unlessStored?: string
}
