// Care mode (长辈版): big text and buttons, by WeChat's font size or by the switch in the settings.
import { keep, kept } from '../api/storage'

const key = 'care'
const careFrom = 1.2
const [careLeast, careMost] = [1.3, 1.75]

export interface Look {
  look: '' | 'care'
  scale: string
}

/** The look for a font scale of WeChat and the switch. */
export function lookOf(fontScale: number, switched: boolean): Look {
  const care = switched || fontScale >= careFrom
  const scale = care ? Math.min(careMost, Math.max(careLeast, fontScale)) : Math.max(1, fontScale)
  return { look: care ? 'care' : '', scale: `--scale: ${scale}` }
}

export function isCareSwitched(): boolean {
  return kept(key) === true
}

export function switchCare(on: boolean): void {
  keep(key, on)
}

function fontScale(): number {
  return wx.getAppBaseInfo().fontSizeScaleFactor || 1
}

/** WeChat's own font size already asks for it, whatever the switch says. */
export function isCareOfWeChat(): boolean {
  return fontScale() >= careFrom
}

export function currentLook(): Look {
  return lookOf(fontScale(), isCareSwitched())
}

/** For `behaviors: [look]` of a page: keeps data.look (classes) and data.scale (style) of its root. */
export const look = Behavior({
  data: { look: '', scale: '' },
  lifetimes: {
    attached() {
      this.setData(currentLook())
    },
  },
  pageLifetimes: {
    show() {
      const now = currentLook()
      if (now.look !== this.data.look || now.scale !== this.data.scale) this.setData(now)
    },
  },
})
