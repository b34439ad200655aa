// Coordinates: what is refused, what is doubted, and where places lie to each other.
import { describe, expect, it } from 'vitest'
import { awayText, distanceText, doubtOf, faultOf, pasted, pointOf, sketchOf } from '@/areas/hospital/geo'

const beijing = { latitude: 39.9042, longitude: 116.4074 }

describe('typed coordinates', () => {
  it.each([
    ['', '', null],
    ['39.9', '116.4', null],
    ['39.9', '', 'half'],
    ['北', '116', 'number'],
    ['1e2', '116', 'number'],
    ['91', '116', 'latitude'],
    ['39', '181', 'longitude'],
  ])('%s and %s: %s', (latitude, longitude, fault) => {
    expect(faultOf({ latitude, longitude })).toBe(fault)
  })
  it('are a point only when both are right', () => {
    expect(pointOf({ latitude: '39.9', longitude: '116.4' })).toEqual({ latitude: 39.9, longitude: 116.4 })
    expect(pointOf({ latitude: '', longitude: '' })).toBeNull()
  })
  it('are taken from the clipboard as maps write them', () => {
    expect(pasted('39.9042,116.4074')).toEqual({ latitude: '39.9042', longitude: '116.4074' })
    expect(pasted(' 39.9 ， 116.4 ')).toEqual({ latitude: '39.9', longitude: '116.4' })
    expect(pasted('39.9')).toBeNull()
  })
})

describe('doubts', () => {
  it('sees swapped numbers, places abroad and campuses far away', () => {
    expect(doubtOf({ latitude: 116.4, longitude: 39.9 }, null)).toBe('swapped')
    expect(doubtOf({ latitude: 48.8, longitude: 2.3 }, null)).toBe('abroad')
    expect(doubtOf({ latitude: 31.2, longitude: 121.5 }, beijing)).toBe('far')
    expect(doubtOf(beijing, beijing)).toBeNull()
    expect(doubtOf(null, beijing)).toBeNull()
  })
})

describe('distances', () => {
  it('are told in metres and kilometres', () => {
    expect([480.4, 1240, 12_400].map(distanceText)).toEqual(['480 米', '1.2 公里', '12 公里'])
  })
  it('come with a direction', () => {
    expect(awayText(beijing, { latitude: 39.9142, longitude: 116.4074 })).toBe('在医院坐标的北方向 1.1 公里')
    expect(awayText(beijing, { latitude: 39.9042, longitude: 116.3974 })).toBe('在医院坐标的西方向 853 米')
    expect(awayText(beijing, beijing)).toBe('与医院坐标相同')
  })
})

describe('sketchOf', () => {
  it('draws north above and east to the right, inside its margin', () => {
    const northEast = { latitude: 39.9142, longitude: 116.4174 }
    const { places, scale } = sketchOf([beijing, northEast], 360, 240, 50)
    expect(places[1].x).toBeGreaterThan(places[0].x)
    expect(places[1].y).toBeLessThan(places[0].y)
    expect(places.every(({ x, y }) => x >= 50 && x <= 310 && y >= 49.9 && y <= 190.1)).toBe(true)
    expect(scale.text).toBe('500 米')
  })
  it('keeps one place in the middle', () => {
    expect(sketchOf([beijing], 360, 240, 50).places).toEqual([{ x: 180, y: 120 }])
  })
})
