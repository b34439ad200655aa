// A room whose code was scanned at its door: who sits there today, and who comes next.
import { decoded } from '../../../parts/decoded'
import { api } from '../../../api/client'
import { serverNow } from '../../../api/clock'
import { Refusal } from '../../../api/refusal'
import { dateOf } from '../../../parts/format'
import { type Problem, retry, shown, type State } from '../../../parts/loading'
import { look } from '../../../parts/look'
import { say, texts } from '../../../texts/catalog'
import { type RoomDay, roomDays } from '../parts/room-days'
import { openPage } from '../../../parts/open'

Page({
  behaviors: [look],
  data: {
    t: texts.room,
    state: 'loading' as State,
    problem: null as Problem | null,
    name: '',
    where: '',
    address: '',
    days: [] as RoomDay[],
    emptyText: '',
  },

  code: '',

  onLoad({ code = '' }: { code?: string }) {
    this.code = decoded(code)
    void shown(this, () => this.load())
  },
  onRetry() {
    void retry(this)
  },
  async onPullDownRefresh() {
    await retry(this)
    wx.stopPullDownRefresh()
  },

  async load() {
    const room = await this.readRoom()
    if (!room) {
      this.setData({ emptyText: texts.room.unknown })
      return 'empty' as const
    }
    wx.setNavigationBarTitle({ title: room.name })
    const days = roomDays(room.sessions, dateOf(serverNow()))
    this.setData({
      name: room.name,
      where: say.joined([room.hospital.name, room.campus.name]),
      address: room.campus.address,
      days,
      emptyText: texts.room.empty,
    })
    return days.length ? undefined : ('empty' as const)
  },
  /** The room of the code; null when the code is not a room's or not known. */
  async readRoom() {
    try {
      const { room } = await api.get('/api/v1/scenes/{scene}', { path: { scene: this.code } })
      return room ?? null
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) return null
      throw error
    }
  },

  onDoctor({ currentTarget }: WechatMiniprogram.CustomEvent) {
    const { id, date } = currentTarget.dataset
    openPage(`/packages/catalog/doctor/doctor?id=${id}&date=${date}`)
  },
  onAppointments() {
    openPage('/packages/booking/appointments/appointments')
  },
  onDepartments() {
    void wx.switchTab({ url: '/pages/registration/registration' })
  },
})
