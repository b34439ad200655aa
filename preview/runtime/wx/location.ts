/** Where the phone is, and showing where something is. */
import { Failure, api, require } from '../answer'
import { host, type PlaceOnMap } from '../host'
import { needPrivacy } from './privacy'

const DENIED = 1

function position(accurate: boolean): Promise<GeolocationPosition> {
  return new Promise((resolve, reject) => {
    if (!('geolocation' in navigator)) return reject(new Failure('system permission denied'))
    const refused = (error: GeolocationPositionError) =>
      reject(
        new Failure(error.code === DENIED ? 'auth deny' : 'location fail', {
          errCode: error.code === DENIED ? 1 : 2,
        }),
      )
    navigator.geolocation.getCurrentPosition(resolve, refused, {
      enableHighAccuracy: accurate,
      timeout: 10_000,
    })
  })
}

/** A browser knows WGS-84 only: asked for gcj02 it answers with the same numbers, some hundred metres off inside China. */
export const getLocation = api(
  'getLocation',
  async ({ isHighAccuracy = false }: { type?: string; isHighAccuracy?: boolean }) => {
    await needPrivacy('getLocation')
    const { coords } = await position(isHighAccuracy)
    const { latitude, longitude, accuracy } = coords
    return {
      latitude,
      longitude,
      accuracy,
      speed: coords.speed ?? -1,
      altitude: coords.altitude ?? 0,
      verticalAccuracy: coords.altitudeAccuracy ?? 0,
      horizontalAccuracy: accuracy,
    }
  },
)
export const getFuzzyLocation = getLocation

export const openLocation = api('openLocation', (options: PlaceOnMap) => {
  require(options, { latitude: 'number', longitude: 'number' })
  return host.openLocation(options)
})
