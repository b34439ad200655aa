import { beforeEach, expect, test, vi } from 'vitest'
import { openPage } from '../src/parts/open'

const navigateTo = vi.fn()
const redirectTo = vi.fn()

function under(pages: number): void {
  vi.stubGlobal('getCurrentPages', () => Array.from({ length: pages }))
  vi.stubGlobal('wx', { navigateTo, redirectTo })
}

beforeEach(() => vi.clearAllMocks())

test('the tenth page still opens on top of the others', () => {
  under(9)

  openPage('/pages/scene/scene')

  expect(navigateTo).toHaveBeenCalledWith({ url: '/pages/scene/scene' })
  expect(redirectTo).not.toHaveBeenCalled()
})

test('the eleventh page, which WeChat would refuse, takes the place of the tenth', () => {
  under(10)

  openPage('/pages/scene/scene')

  expect(redirectTo).toHaveBeenCalledWith({ url: '/pages/scene/scene' })
  expect(navigateTo).not.toHaveBeenCalled()
})
