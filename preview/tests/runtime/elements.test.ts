/** WeChat's own elements: what they draw, tell and do. */
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { find, key, log, open, page, pressButton, settled, tap, told, top, touch } from './opened'

const WXML = `
<input id="name" model:value="{{name}}" type="number" maxlength="5" placeholder="名字" bind:input="tell" bind:confirm="tell" bind:blur="tell" />
<input id="free" maxlength="-1" password value="x" disabled="{{undefined}}" />
<textarea id="note" value="{{note}}" bind:input="tell" />
<image id="there" src="/images/a.svg" mode="aspectFill" aria-label="一只篮子" bind:load="tell" bind:error="tell" />
<image id="lazy" src="https://example.test/b.png" lazy-load />
<form bind:submit="tell" bind:reset="tell">
  <input name="phone" value="138" /><switch name="on" id="on" checked />
  <radio-group name="sex" bind:change="tell"><label><radio id="f" value="f" checked />女</label><label><radio id="m" value="m" /><text id="man">男</text></label></radio-group>
  <checkbox-group name="tags" bind:change="tell"><checkbox id="t1" value="1" checked /><checkbox id="t2" value="2" /></checkbox-group>
  <slider name="size" id="size" min="10" max="20" value="12" bind:change="tell" />
  <button id="submit" form-type="submit">交</button><button id="reset" form-type="reset">清</button>
</form>
<button id="off" disabled bind:tap="tell">不能</button>
<switch id="switch" bind:change="tell" />
<navigator id="link" url="/pages/other/other">去</navigator>
<rich-text id="rich" nodes="{{html}}" /><rich-text id="nodes" nodes="{{nodes}}" />
<scroll-view id="scroll" scroll-y style="height: 100rpx" lower-threshold="20" bind:scroll="tell" bind:scrolltolower="tell"><view id="inside" /></scroll-view>
<swiper id="swiper" current="{{leaf}}" indicator-dots bind:change="tell"><swiper-item wx:for="{{3}}" wx:key="*this">{{item}}</swiper-item></swiper>
<picker id="pick" range="{{['甲', '乙', '丙']}}" value="1" bind:change="tell">选</picker>
<picker id="date" mode="date" start="2026-11-20" end="2027-02-10" value="2027-02-03" bind:change="tell">日</picker>
<progress id="progress" percent="40" show-info />
<view id="pressed" hover-class="down" hover-start-time="0" hover-stay-time="0">按</view>
<view id="long" bind:longpress="tell">久</view>
<view id="gone" hidden="{{false}}" aria-label="{{undefined}}">在</view>
<web-view id="web" src="about:blank" />`

const SCRIPT = `Page({
  data: {
    name: '', note: '高', leaf: 0,
    html: '<p class="a" onclick="x()">好<script>alert(1)</script><b>字</b></p><iframe src="x"></iframe>',
    nodes: [{ name: 'div', attrs: { style: 'width: 10rpx' }, children: [{ type: 'text', text: 'a &lt; b' }] }],
  },
  tell(event) { log.push(event.type + ' ' + event.currentTarget.id + ' ' + JSON.stringify(event.detail)) },
})`

beforeAll(() =>
  open({
    'app.json': { pages: ['pages/home/home', 'pages/other/other'] },
    'app.ts': 'App({})',
    'images/a.svg': '<svg xmlns="http://www.w3.org/2000/svg" />',
    ...page('pages/home/home', WXML, SCRIPT),
    ...page('pages/other/other'),
  }),
)

beforeEach(() => void told())

const inner = (id: string) => find<HTMLInputElement>(`[data-id=${id}] input, [data-id=${id}] textarea`)

function write(id: string, value: string): void {
  const field = inner(id)
  field.value = value
  field.dispatchEvent(new Event('input', { bubbles: true, composed: true }))
}

test('an input tells what is written, once, and model:value keeps it', () => {
  write('name', '12')

  expect(told()).toEqual(['input name {"value":"12","cursor":2,"keyCode":0}'])
  expect(top().data.name).toBe('12')
  expect(inner('name').inputMode || inner('name').getAttribute('inputmode')).toBe('numeric')
  expect(inner('name').maxLength).toBe(5)
})

test('Enter confirms, but not while a word is being chosen', () => {
  const field = inner('name')
  key(field, 'Enter', { isComposing: true })
  expect(told()).toEqual([])

  key(field, 'Enter')
  expect(told()[0]).toBe('confirm name {"value":"12"}')
})

test('what is undefined in a template is not there', () => {
  expect(inner('free').disabled).toBe(false)
  expect(inner('free').type).toBe('password')
  expect(inner('free').maxLength).toBeGreaterThan(1000)
  expect(find('[data-id=gone]').hasAttribute('aria-label')).toBe(false)
  expect(find('[data-id=gone]').hidden).toBe(false)
})

test('a textarea has its value and tells a new one', () => {
  expect(inner('note').value).toBe('高')
  write('note', '高血压')
  expect(told()).toEqual(['input note {"value":"高血压","cursor":3,"keyCode":0}'])
})

test('an image draws the built file in its mode and tells load and error', () => {
  const there = find('[data-id=there]')
  const picture = there.querySelector('img') as HTMLImageElement

  expect(picture.getAttribute('src')).toMatch(/assets\/a-\w+\.svg$/)
  expect(picture.style.objectFit).toBe('cover')
  expect(there.getAttribute('role')).toBe('img')
  expect(find('[data-id=lazy] img').getAttribute('loading')).toBe('lazy')

  picture.dispatchEvent(new Event('load'))
  picture.dispatchEvent(new Event('error'))
  expect(told()).toEqual([
    'load there {"width":0,"height":0}',
    'error there {"errMsg":"GET /images/a.svg failed"}',
  ])
})

test('a form gathers its named fields', async () => {
  await tap('[data-id=on]')
  await tap('[data-id=man]')
  await tap('[data-id=t2]')
  told()

  await tap('[data-id=submit]')

  expect(told()).toEqual([
    'submit  {"value":{"phone":"138","on":false,"sex":"m","tags":["1","2"],"size":12}}',
  ])
  expect(find('[data-id=f]').getAttribute('aria-checked')).toBe('false')

  await tap('[data-id=reset]')
  expect(told()).toEqual(['reset  {}'])
  expect(find('[data-id=m]').getAttribute('aria-checked')).toBe('false')
})

test('a choice is named by its label', () => {
  expect(find('[data-id=f]').getAttribute('aria-label')).toBe('女')
  expect(find('[data-id=m]').getAttribute('aria-label')).toBe('男')
})

test('groups and switches tell their change', async () => {
  await tap('[data-id=t1]')
  await tap('[data-id=switch]')

  expect(told()).toEqual(['change  {"value":["1"]}', 'change switch {"value":true}'])
  expect(find('[data-id=switch]').getAttribute('aria-checked')).toBe('true')
})

test('a disabled button keeps still and has no tab stop', async () => {
  await tap('[data-id=off]')

  expect(told()).toEqual([])
  expect(find('[data-id=off]').getAttribute('aria-disabled')).toBe('true')
  expect(find('[data-id=off]').hasAttribute('tabindex')).toBe(false)
})

test('rich text draws what it trusts', () => {
  const rich = find('[data-id=rich] .rich')

  expect(rich.innerHTML).toBe('<p class="a">好<b>字</b></p>')
  expect(find('[data-id=nodes] .rich').textContent).toBe('a < b')
})

test('a scroll-view tells its scroll and once that its end is near', () => {
  const area = find('[data-id=scroll]')
  Object.defineProperties(area, { clientHeight: { value: 50 }, scrollHeight: { value: 200 } })

  for (const top of [100, 140, 145]) area.scrollTo({ top })

  const lines = told()
  expect(lines.filter((line) => line.startsWith('scrolltolower'))).toEqual([
    'scrolltolower scroll {"direction":"bottom"}',
  ])
  expect(lines[0]).toContain('"scrollTop":100')
})

test('a swiper turns by finger and by key', () => {
  const swiper = find('[data-id=swiper]')
  Object.defineProperty(swiper, 'clientWidth', { value: 300 })
  touch(swiper, 'touchstart', 200, 0)
  touch(swiper, 'touchmove', 60, 4)
  touch(swiper, 'touchend', 60, 4)
  key(swiper, 'ArrowRight')
  key(swiper, 'ArrowRight')

  expect(told()).toEqual([
    'change swiper {"current":1,"source":"touch","currentItemId":""}',
    'change swiper {"current":2,"source":"touch","currentItemId":""}',
  ])
  expect(swiper.querySelectorAll('wx-swiper-item:not([inert])')).toHaveLength(1)
})

test('a picker answers the index that was turned to, a date its text', async () => {
  await tap('[data-id=pick]')
  const wheel = find('.mp-wheel')
  expect(Array.from(wheel.children, (item) => item.textContent)).toEqual(['甲', '乙', '丙'])
  key(wheel, 'ArrowDown')
  await pressButton('确定')

  await tap('[data-id=date]')
  const days = () => document.querySelectorAll('.mp-wheel')[2].children.length
  expect(days()).toBe(10)
  key(document.querySelectorAll('.mp-wheel')[1], 'ArrowUp')
  expect(days()).toBe(31)
  await pressButton('确定')

  expect(told()).toEqual(['change pick {"value":2}', 'change date {"value":"2027-01-03"}'])
})

test('a press shows hover-class, a long one is told', async () => {
  const view = find('[data-id=pressed]')
  touch(view, 'touchstart')
  await settled(20)
  expect(view.className).toContain('down')
  touch(view, 'touchend')
  await settled(20)
  expect(view.className).not.toContain('down')

  const long = find('[data-id=long]')
  touch(long, 'touchstart')
  await settled(400)
  touch(long, 'touchend')
  expect(log.some((line) => line.startsWith('longpress long'))).toBe(true)
})

test('progress is told, a web-view is a frame, a navigator goes', async () => {
  expect(find('[data-id=progress]').getAttribute('aria-valuenow')).toBe('40')
  expect(find('[data-id=web] iframe').getAttribute('src')).toBe('about:blank')

  await tap('[data-id=link]')
  expect(top().route).toBe('pages/other/other')
})
