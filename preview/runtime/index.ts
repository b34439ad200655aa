/** The entry of the runtime: what the compiler's generated code calls. */
import { dropUnused } from './ahead'
import { App, getApp, launch } from './app'
import { WebBackend, builtinTags } from './backend'
import type { AppConfig, Groups } from './contract'
import { defineOnDemand, whenDrawn, whenUsed } from './demand'
import { MiniProgramEnv, glassEasel, type Authored, type CodeSpace } from './easel'
import { listen } from './events'
import { setHost, type Host } from './host'
import { readyBehavior } from './lifecycle'
import { listenToModals } from './modal'
import { setupNavigation } from './navigation'
import { program } from './program'
import { listenToPulls, startPullDownRefresh } from './pull'
import { router } from './router'
import { mountScreen, pageArea } from './screen'
import { setupTabBar } from './tabbar'
import { mountToast } from './toast'
import { wx } from './wx'
import { share, shareShown } from './wx/share'
import { sizes } from './wx/system'
import './wxs'

export type { Host, PaymentParams, PlaceOnMap, ShareContent } from './host'

type Definition = Record<string, Authored>
type Register = (definition?: Definition) => unknown

const globals = globalThis as unknown as Record<string, unknown>
const environment = new MiniProgramEnv()
const builtins = environment.createCodeSpace('builtin', true)
const space = environment.createCodeSpace('', true)
const backend = new WebBackend()
const associated = environment.associateBackend(backend)

for (const codeSpace of [builtins, space]) codeSpace.setOverallBehavior(readyBehavior)
defineOnDemand(space)

/** Behaviors that WeChat names by address ("wx://form-field") are part of the builtins. */
function withoutWeChatBehaviors(definition?: Definition): Definition | undefined {
  if (!definition?.behaviors) return definition
  return {
    ...definition,
    behaviors: definition.behaviors.filter((behavior: unknown) => typeof behavior !== 'string'),
  }
}

/** Runs a page's or component's script with Page, Component and Behavior that define it. */
function runIn(codeSpace: CodeSpace, path: string, load: () => unknown): void {
  codeSpace.componentEnv(path, (registers) => {
    const names = ['Page', 'Component', 'Behavior'] as const
    const before = names.map((name) => globals[name])
    for (const name of names) {
      const register = registers[name] as unknown as Register
      globals[name] = (definition?: Definition) => register(withoutWeChatBehaviors(definition))
    }
    try {
      load()
    } finally {
      names.forEach((name, index) => {
        globals[name] = before[index]
      })
    }
  })
}

function menuOf(page: NonNullable<ReturnType<typeof router.current>>) {
  const items: { text: string; act: () => void }[] = [
    { text: '重新进入', act: () => void router.reLaunch(`/${program.home()}`) },
  ]
  if (page.window.enablePullDownRefresh)
    items.unshift({ text: '刷新', act: () => startPullDownRefresh(page) })
  if (shareShown(page)) items.unshift({ text: '转发给朋友', act: () => void share({ from: 'menu' }) })
  return items
}

function tellSize(): void {
  const { width, height } = pageArea()
  const size = { windowWidth: width, windowHeight: height }
  sizes.tell({ size })
  router.current()?.resize(size)
}

function setupScreen(): void {
  mountScreen(program.fontScale(), tellSize)
  mountToast()
  listen(backend)
  listenToModals()
  listenToPulls(() => router.current())
  program.onThemeChange(() => router.draw())
  setupNavigation({
    back: () => void router.navigateBack(),
    home: () => void router.reLaunch(`/${program.home()}`),
    menu: menuOf,
  })
  setupTabBar(({ pagePath, text }, index) => {
    void router
      .switchTab(`/${pagePath}`)
      .then(() => router.current()?.call('onTabItemTap', { index, pagePath, text }))
  })
}

export function boot(app: AppConfig, appCss: string, host?: Partial<Host>): () => void {
  program.setup(app)
  setHost(host)
  backend.registerStyleSheetContent('app', appCss)
  space.addStyleSheet('app', 'app')
  router.setup({ backend: associated, space })
  Object.assign(globals, { wx, App, getApp, getCurrentPages: () => router.instances() })
  return () => {
    setupScreen()
    void launch().then(dropUnused)
  }
}

export function define(
  path: string,
  json: Record<string, Authored>,
  groups: Groups,
  css: string,
  scope: string | undefined,
  load: () => unknown,
): void {
  if (program.config.pages.includes(path)) program.addPage(path, json)
  space.addComponentStaticConfig(path, json)
  // without the last field, bindtap="" on a view would be an attribute: only bind:tap="" is an event to glass-easel
  space.addCompiledTemplate(path, {
    groupList: groups,
    content: groups[path],
    fallbackListenerOnNativeNode: true,
  })
  if (css || scope) {
    backend.registerStyleSheetContent(path, css)
    space.addStyleSheet(path, path, scope)
  }
  whenUsed(path, () => runIn(space, path, load))
}

export function defineBuiltin(tag: string, groups: Groups, load: () => unknown): void {
  builtinTags.add(tag)
  whenDrawn(tag, () => runBuiltin(tag, groups, load))
}

function runBuiltin(tag: string, groups: Groups, load: () => unknown): void {
  builtins.addComponentStaticConfig(tag, { component: true, styleIsolation: 'shared' as never })
  builtins.addCompiledTemplate(tag, { groupList: groups, content: groups[tag] })
  runIn(builtins, tag, load)
  const component = builtins.getComponentSpace().getComponentByUrl(tag, '')
  space.getComponentSpace().setGlobalUsingComponent(tag, component)
}

export function subPackage(root: string, loadChunk: () => Promise<unknown>): void {
  program.addSubPackage(root, loadChunk)
}

export { glassEasel }
