// Calling the hospital and finding the way there.
import { api } from '../../../api/client'
import { texts } from '../../../texts/booking'
import type { Appointment } from './standing'

const t = texts.result

function dial(phone: string | undefined): void {
  if (phone) void wx.makePhoneCall({ phoneNumber: phone }).catch(() => undefined)
  else void wx.showToast({ title: t.noPhone, icon: 'none' })
}

/** The campus of the visit, or the hospital where the campus has no phone of its own. */
export function call({ hospital, place }: Pick<Appointment, 'hospital' | 'place'>): void {
  dial(place.phone || hospital.phones[0])
}

export async function callHospital(hospitalId: string): Promise<void> {
  const path = { hospital_id: hospitalId }
  const hospital = await api.get('/api/v1/hospitals/{hospital_id}', { path }).catch(() => null)
  dial(hospital?.phones[0])
}

/** Opens the map at the campus; where the hospital has not marked it, says so. */
export function showTheWay({ hospital, place }: Pick<Appointment, 'hospital' | 'place'>): void {
  if (!place.map_point) return void wx.showToast({ title: t.noMap, icon: 'none' })
  const name = `${hospital.name} ${place.name}`
  void wx.openLocation({ ...place.map_point, name, address: place.address }).catch(() => undefined)
}
