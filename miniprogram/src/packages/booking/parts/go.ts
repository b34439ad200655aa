// Where the booking pages lead; going back is preferred to opening a page a second time.
import { isOnTop } from '../../../parts/way-back'
import { openPage } from '../../../parts/open'

const routes = {
  doctor: 'packages/catalog/doctor/doctor',
  hospital: 'packages/catalog/hospital/hospital',
  patient: 'packages/account/patient/patient',
  privacy: 'packages/account/privacy/privacy',
  appointment: 'packages/booking/appointment/appointment',
  appointments: 'packages/booking/appointments/appointments',
  payment: 'packages/booking/payment/payment',
  result: 'packages/booking/result/result',
  reschedule: 'packages/booking/reschedule/reschedule',
} as const

type Name = keyof typeof routes
type Query = Record<string, string>

export function addressOf(name: Name, query: Query = {}): string {
  const asked = Object.entries(query).map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
  return `/${routes[name]}${asked.length ? `?${asked.join('&')}` : ''}`
}

/** Opens a page on top of this one. */
export function open(name: Name, query?: Query): void {
  openPage(addressOf(name, query))
}

/** Opens a page in place of this one: the way back does not lead to a step that is done. */
export function become(name: Name, query?: Query): void {
  void wx.redirectTo({ url: addressOf(name, query) })
}

/** What a deed of `page` led to: in its place while it is on the screen, on top of where the patient went meanwhile. */
export function lead(page: object, name: Name, query?: Query): void {
  if (isOnTop(page)) become(name, query)
  else open(name, query)
}

/** Goes back to the page when it is the one before, with what was chosen there; else opens it in place of this one. */
export function backTo(name: Name, query?: Query): void {
  const before = getCurrentPages().at(-2)
  if (before?.route === routes[name]) void wx.navigateBack()
  else become(name, query)
}

export function home(): void {
  void wx.switchTab({ url: '/pages/home/home' })
}

export function registration(): void {
  void wx.switchTab({ url: '/pages/registration/registration' })
}
