// Wraps a page's content: skeleton while it loads, then the content, or a sentence with the next step.
import { goToLogin } from '../../api/login'
import { isOnline, onNetwork } from '../../parts/network'
import type { Problem, State } from '../../parts/loading'
import { texts } from '../../texts/app'

/** What a shown state-view has to end when it goes. */
interface Running {
  timer: number
  forget: () => void
}

const icons: Record<string, string> = { empty: 'folder-open', offline: 'wifi-off', login: 'user-circle' }
const home = '/pages/home/home'
/** One card of the skeleton: a title and two lines. */
const lines = [{ width: '40%' }, 1, { width: '70%' }]

Component({
  properties: {
    state: { type: String, value: 'loading' },
    problem: { type: Object, value: null as unknown as WechatMiniprogram.IAnyObject },
    emptyText: { type: String, value: '' },
    emptyAction: { type: String, value: '' },
    /** The privacy agreement is not asked for here: this page is what is read before agreeing. */
    quiet: { type: Boolean, value: false },
    /** Cards in the skeleton. */
    rows: { type: Number, value: 3 },
  },
  data: {
    t: texts,
    bars: [0, 1, 2],
    icon: 'error-circle',
    lines,
    sentence: '',
    action: '',
    waitS: 0,
    isCutOff: false,
  },
  observers: {
    rows(rows: number) {
      this.setData({ bars: Array.from({ length: rows }, (_, index) => index) })
    },
    'state, problem, emptyText, emptyAction'() {
      this.show()
    },
  },
  lifetimes: {
    attached() {
      this.setData({ isCutOff: !isOnline() })
      const running = this as unknown as Running
      running.forget = onNetwork((online) => {
        this.setData({ isCutOff: !online })
        if (online && this.data.state === 'offline') this.triggerEvent('retry')
      })
    },
    detached() {
      this.stopWaiting()
      ;(this as unknown as Running).forget()
    },
  },
  methods: {
    show() {
      this.stopWaiting()
      const state = this.data.state as State
      const problem = this.data.problem as Problem | null
      const [sentence, action] = this.wordsOf(state, problem)
      this.setData({ icon: icons[state] ?? 'error-circle', sentence, action, waitS: 0 })
      if (state === 'error' && problem?.retryAfterS) this.waitFor(problem.retryAfterS)
    },
    wordsOf(state: State, problem: Problem | null): [string, string] {
      if (state === 'empty') return [this.data.emptyText, this.data.emptyAction]
      if (state === 'login') return [texts.loginFirst, texts.logIn]
      return [problem?.title ?? texts.unexpected, isGone(problem) ? texts.goHome : texts.retry]
    },
    /** The server said when to come back: the button waits as long. */
    waitFor(seconds: number) {
      this.setData({ waitS: seconds, action: seconds > 0 ? texts.retryIn(seconds) : texts.retry })
      if (seconds > 0) (this as unknown as Running).timer = setTimeout(() => this.waitFor(seconds - 1), 1000)
    },
    stopWaiting() {
      clearTimeout((this as unknown as Running).timer)
    },
    onAction() {
      const { state } = this.data
      if (state === 'empty') this.triggerEvent('act')
      else if (state === 'login') goToLogin(getCurrentPages().at(-1) as never)
      else if (state === 'error' && isGone(this.data.problem as Problem | null))
        void wx.switchTab({ url: home })
      else this.triggerEvent('retry')
    },
  },
})

/** Links outlive what they lead to; trying again would not bring it back. */
function isGone(problem: Problem | null): boolean {
  return problem?.code === 'not-found'
}
