// Points of the hospital and its campuses: checked as they are typed, compared and drawn without any map.
import { texts } from '@/texts/hospital'

export interface Point {
  latitude: number
  longitude: number
}
/** Coordinates as typed. */
export interface Typed {
  latitude: string
  longitude: string
}

const earthM = 6_371_000
const farM = 100_000
const radians = (degrees: number) => (degrees * Math.PI) / 180
const isNumber = (text: string) => /^-?\d{1,3}(\.\d{1,15})?$/.test(text.trim())

export type PointFault = keyof typeof texts.pointFaults
export type PointDoubt = keyof typeof texts.pointDoubts

/** Why the server would refuse these coordinates. */
export function faultOf({ latitude, longitude }: Typed): PointFault | null {
  const typed = [latitude, longitude].filter((text) => text.trim() !== '')
  if (!typed.every(isNumber)) return 'number'
  if (Math.abs(Number(latitude)) > 90) return 'latitude'
  if (Math.abs(Number(longitude)) > 180) return 'longitude'
  return typed.length === 1 ? 'half' : null
}

export function pointOf(typed: Typed): Point | null {
  if (faultOf(typed) || typed.latitude.trim() === '') return null
  return { latitude: Number(typed.latitude), longitude: Number(typed.longitude) }
}

const isChinese = ({ latitude, longitude }: Point) =>
  latitude >= 3 && latitude <= 54 && longitude >= 73 && longitude <= 136

/** What is probably a slip, though it can be saved. */
export function doubtOf(point: Point | null, hospital: Point | null): PointDoubt | null {
  if (!point) return null
  if (!isChinese(point)) {
    return isChinese({ latitude: point.longitude, longitude: point.latitude }) ? 'swapped' : 'abroad'
  }
  return hospital && metersBetween(hospital, point) > farM ? 'far' : null
}

/** Both numbers of what maps put on the clipboard: "39.9087,116.3975". */
export function pasted(text: string): Typed | null {
  const parts = text.trim().split(/\s*[,\uff0c\s]\s*/)
  if (parts.length !== 2 || !parts.every(isNumber)) return null
  return { latitude: parts[0], longitude: parts[1] }
}

export function metersBetween(one: Point, other: Point): number {
  const [from, to] = [radians(one.latitude), radians(other.latitude)]
  const half =
    Math.sin((to - from) / 2) ** 2 +
    Math.cos(from) * Math.cos(to) * Math.sin(radians(other.longitude - one.longitude) / 2) ** 2
  return 2 * earthM * Math.asin(Math.sqrt(half))
}

/** East and north of a point, in metres, as flat as a city is. */
function offsetM(from: Point, to: Point): { east: number; north: number } {
  return {
    east: radians(to.longitude - from.longitude) * Math.cos(radians(from.latitude)) * earthM,
    north: radians(to.latitude - from.latitude) * earthM,
  }
}

export function distanceText(meters: number): string {
  if (meters < 1000) return texts.meters(Math.round(meters))
  return texts.kilometers((meters / 1000).toFixed(meters < 10_000 ? 1 : 0))
}

/** Where a point lies, seen from the hospital's. */
export function awayText(hospital: Point, point: Point): string {
  const meters = metersBetween(hospital, point)
  if (meters < 1) return texts.samePlace
  const { east, north } = offsetM(hospital, point)
  const eighth = Math.round(Math.atan2(east, north) / (Math.PI / 4))
  return texts.away(texts.directions[(eighth + 8) % 8], distanceText(meters))
}

export interface Sketch {
  places: { x: number; y: number }[]
  /** A round length on the ground and as drawn. */
  scale: { text: string; width: number }
}

const rounds = [1, 2, 5].flatMap((digit) => [1, 10, 100, 1000, 10_000, 100_000].map((ten) => digit * ten))

/** Points in a field of `width` x `height`, north above, the same scale both ways, with `margin` around. */
export function sketchOf(points: Point[], width: number, height: number, margin: number): Sketch {
  const [first] = points
  const offsets = points.map((point) => offsetM(first, point))
  const easts = offsets.map(({ east }) => east)
  const norths = offsets.map(({ north }) => north)
  const middle = (values: number[]) => (Math.min(...values) + Math.max(...values)) / 2
  const extent = (values: number[]) => Math.max(...values) - Math.min(...values)
  const perMeter = Math.min(
    (width - 2 * margin) / Math.max(extent(easts), 100),
    (height - 2 * margin) / Math.max(extent(norths), 100),
  )
  const length = Math.max(...rounds.filter((round) => round * perMeter <= width / 4), 1)
  return {
    places: offsets.map(({ east, north }) => ({
      x: width / 2 + (east - middle(easts)) * perMeter,
      y: height / 2 - (north - middle(norths)) * perMeter,
    })),
    scale: { text: distanceText(length), width: length * perMeter },
  }
}
