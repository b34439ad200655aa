/** One page of the stack: its component, its element, and WeChat's lifecycle calls. */
import type { AssociatedBackend, CodeSpace, Instance, Root } from './easel'
import { domOf } from './easel'
import { EventChannel } from './event-channel'
import { afterLayout, report } from './lifecycle'
import { program, type PageWindow } from './program'
import { screen } from './screen'

/** What the navigation bar shows for a page; wx.setNavigationBar* changes it. */
export interface BarLook {
  title: string
  background?: string
  color?: string
  loading: boolean
  homeHidden: boolean
}

export interface Place {
  route: string
  options: Record<string, string>
}

export function urlOf({ route, options }: Place): string {
  const query = Object.entries(options).map(([name, value]) => `${name}=${value}`)
  return query.length ? `${route}?${query.join('&')}` : route
}

export class OpenPage {
  readonly instance: Instance
  readonly window: PageWindow
  readonly bar: BarLook
  element!: HTMLElement
  shown = false
  private readonly root: Root
  private scrollTop = 0

  constructor(
    readonly place: Place,
    /** number of its entry in the browser's history */
    public index: number,
    kit: { backend: AssociatedBackend; space: CodeSpace },
    channel: EventChannel = EventChannel.pair().opened,
  ) {
    this.window = program.window(place.route)
    this.bar = { title: this.window.navigationBarTitleText ?? '', loading: false, homeHidden: false }
    this.root = kit.backend.createRoot('wx-page', kit.space, `/${place.route}`)
    this.instance = this.root.get() as unknown as Instance
    Object.assign(this.instance, {
      route: place.route,
      options: place.options,
      getOpenerEventChannel: () => channel,
    })
  }

  get route(): string {
    return this.place.route
  }

  /** Calls a lifecycle method; a page that throws is reported and does not stop the stack. */
  call(name: string, argument?: unknown): unknown {
    const method = this.instance[name]
    if (typeof method !== 'function') return undefined
    try {
      return method.call(this.instance, argument)
    } catch (error) {
      return report(error, `${this.route} ${name}`)
    }
  }

  /** Draws the page: `attached` of its components, then onLoad. */
  load(): void {
    const placeholder = document.createElement('div')
    screen.pages.append(placeholder)
    this.root.attach(placeholder.parentElement as never, placeholder as never)
    this.element = domOf(this.root.getComponent()) ?? placeholder
    this.element.hidden = true
    this.element.dataset.route = this.route
    this.element.setAttribute('aria-role', 'main')
    // the keys of a keyboard scroll what has the focus
    this.element.tabIndex = 0
    if (this.window.disableScroll) this.element.style.overflow = 'hidden'
    this.listenToScroll()
    this.call('onLoad', this.place.options)
  }

  show(): void {
    if (this.shown) return
    const fresh = this.element.dataset.ready === undefined
    this.shown = true
    for (const other of screen.pages.querySelectorAll('wx-page'))
      other.toggleAttribute('hidden', other !== this.element)
    // to set it makes the browser lay the page out at once
    if (!fresh) this.element.scrollTop = this.scrollTop
    this.call('onShow')
    this.root.getComponent().triggerPageLifetime('show', [])
    if (fresh) this.ready()
  }

  /** Keys and screen readers begin at the page that has just come. To focus it earlier would lay it out twice. */
  focus(): void {
    afterLayout(() => {
      const isLeft = !this.shown || this.element.contains(document.activeElement)
      if (!isLeft) this.element.focus({ preventScroll: true })
    })
  }

  hide(): void {
    if (!this.shown) return
    this.shown = false
    this.scrollTop = this.element.scrollTop
    this.call('onHide')
    this.root.getComponent().triggerPageLifetime('hide', [])
  }

  unload(): void {
    this.shown = false
    this.call('onUnload')
    this.root.release()
    this.element.remove()
  }

  resize(size: { windowWidth: number; windowHeight: number }): void {
    this.call('onResize', { size })
    this.root.getComponent().triggerPageLifetime('resize', [{ size }])
  }

  private ready(): void {
    this.element.dataset.ready = ''
    afterLayout(() => this.element.isConnected && this.call('onReady'))
  }

  private listenToScroll(): void {
    const distance = this.window.onReachBottomDistance ?? 50
    let low = false
    this.element.addEventListener('scroll', () => {
      const { scrollTop, clientHeight, scrollHeight } = this.element
      this.call('onPageScroll', { scrollTop })
      const near = scrollTop + clientHeight >= scrollHeight - distance
      if (near && !low) this.call('onReachBottom')
      low = near
    })
  }
}
