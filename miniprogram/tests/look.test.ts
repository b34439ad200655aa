// Care mode by WeChat's font size or by the switch.
import { beforeEach, expect, test, vi } from 'vitest'
import { placeWx } from './wx'

beforeEach(() => vi.resetModules())

async function start() {
  const placed = placeWx(() => ({}))
  return { ...placed, ...(await import('../src/parts/look')) }
}

test('it follows the font size from 1.2 on, within 1.3 and 1.75', async () => {
  const { lookOf } = await start()
  expect(lookOf(1, false)).toEqual({ look: '', scale: '--scale: 1' })
  expect(lookOf(1.1, false)).toEqual({ look: '', scale: '--scale: 1.1' })
  expect(lookOf(1.2, false)).toEqual({ look: 'care', scale: '--scale: 1.3' })
  expect(lookOf(1.5, false)).toEqual({ look: 'care', scale: '--scale: 1.5' })
  expect(lookOf(2, false)).toEqual({ look: 'care', scale: '--scale: 1.75' })
})

test('the switch is kept, and the font size still counts with it', async () => {
  const { currentLook, isCareOfWeChat, switchCare, world } = await start()
  switchCare(true)
  expect(currentLook()).toEqual({ look: 'care', scale: '--scale: 1.3' })
  world.fontSizeScaleFactor = 1.6
  expect(currentLook()).toEqual({ look: 'care', scale: '--scale: 1.6' })
  expect(isCareOfWeChat()).toBe(true)
  switchCare(false)
  expect(currentLook().look).toBe('care')
})
