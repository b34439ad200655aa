// Words of the page that staff begin their day with.
export const texts = {
  title: '今日',
  asOf: (time: string) => `${time} 更新，每分钟自动刷新`,
  refresh: '刷新',
  refreshFailed: '没有刷新成功，下面是之前的内容。',

  securityNew: (count: number) => `有 ${count} 条新的安全提醒，请看是不是您本人操作。`,
  securityLook: '查看安全提醒',

  ownSessions: '我今天的出诊',
  noSessions: '今天没有您的出诊。',
  ownSession: (time: string, room: string) => `${time} ${room}`,
  ownBooked: (count: number) => `已预约 ${count} 人`,

  needs: '需要处理',
  noNeeds: '现在没有等您处理的事。',
  needKinds: {
    dead_letters: { title: '系统通知没有送达', why: '多次重试都没有成功，需要有人看原因。', deed: '去处理' },
    finance_cases: { title: '财务差错待核实', why: '收到的钱和账上对不上，需要财务查清。', deed: '去核实' },
    refunds_waiting: { title: '退款等第二个人确认', why: '要由申请人以外的人批准或确认。', deed: '去确认' },
    fee_changes_waiting: {
      title: '价格变更等第二个人确认',
      why: '改动较大，要由另一个人批准。',
      deed: '去确认',
    },
    unverified_patients: {
      title: '就诊人还没有实名核验',
      why: '他们的家人在本院约过号；请他们带证件到窗口核验。',
      deed: '去窗口登记',
    },
    duplicate_persons: {
      title: '组就诊人可能是同一个人',
      why: '两份档案的证件实为同一个号码，请核对以哪份为准。',
      deed: '去核对',
    },
    low_places: { title: '科室 7 天内约不到号', why: '可以加开出诊，或放出留着的号。', deed: '看排班' },
    closed_booked: {
      title: '位患者约在已停用的科室、医生或停开的门诊',
      why: '他们的预约仍然有效，但不会自动处理：请办理停诊，或联系他们改约。',
      deed: '看排班',
    },
    holiday_sessions: {
      title: '次出诊落在放假的日子里',
      why: '按模板这天不出诊，但已有人预约或有人改过，系统没有撤下。不出诊的请办理停诊，照常出诊的登记“按某天排班”。',
      deed: '看排班',
    },
    holidays_unknown: {
      title: '次出诊在放假安排还没公布的年份',
      why: '现在只避开了法定节假日当天，调休和补班还不知道。公布后没有人动过的出诊会自动重排，其余的会在这里提醒。',
      deed: '看单日变动',
    },
    no_release: { title: '医院没有待放的号', why: '排班用完以后，患者就约不到号了。名单在下面。', deed: '' },
    login_burst: {
      title: '一小时内登录失败很多次',
      why: '可能有人在猜密码；本人不受影响。来源地址在审计日志里，请审计员查看。',
      deed: '',
    },
    request_burst: {
      title: '一小时内工作人员越权访问很多次',
      why: '有人在打开没有权限或别家医院的内容。是谁、从哪里，请审计员查看审计日志。',
      deed: '',
    },
    signature_burst: {
      title: '一小时内收到很多伪造的支付通知',
      why: '签名不对的都没有采信，账没有变。来源地址在审计日志里，请通知信息科。',
      deed: '',
    },
    one_address: {
      title: '所有患者都来自同一个网络地址',
      why: '多半是前面的代理没有设为可信，大家共用一份限额，高峰时会登录不了。请信息科检查 GUAHAO_TRUSTED_PROXIES。',
      deed: '',
    },
  },
  since: (at: string) => `最早的在 ${at}`,

  release: '下一次放号',
  releaseAt: (day: string, time: string) => `${day} ${time}`,
  releaseOf: (sessions: number, places: number) => `${sessions} 次出诊，共 ${places} 个号`,
  releaseIn: (left: string) => `还有 ${left}`,
  releaseNow: '正在放号',
  noRelease: '没有待放的号，请检查排班。',
  days: (days: number) => `${days} 天 `,

  channels: { online: '网上', desk: '窗口', phone: '电话' },
  bookings: {
    none: '今天还没有人预约',
    sofar: (hour: number, total: number) => `到 ${hour} 点，今天有 ${total} 个预约`,
    more: (count: number) => `，比上周同一天这时多 ${count} 个`,
    fewer: (count: number) => `，比上周同一天这时少 ${count} 个`,
    same: '，和上周同一天这时一样多',
    lastWeek: '上周同一天',
    hour: '时',
    unit: '个',
    clock: (hour: number) => `${hour} 点`,
    heads: ['小时', '网上', '窗口', '电话', '今天合计', '上周同一天'],
    axisHour: '预约的时间（点）',
    axisCount: '预约数（个）',
  },
  fill: {
    none: '未来 7 天没有出诊',
    finding: (name: string, percent: number) => `${name}最满，未来 7 天的号已约 ${percent}%`,
    even: '未来 7 天的号还没有人约',
    axis: '已约的号（%）',
    said: (name: string, percent: number, taken: number, places: number) =>
      `${name}\n已约 ${percent}%（${taken} / ${places} 个号）`,
    heads: ['科室', '号数', '已约', '已约 %', '现在可约'],
    taken: '已约',
  },
  low: {
    title: '号快没了',
    departments: '7 天内没有可约的号',
    sessions: '3 天内快约满的出诊',
    none: '各科室都还有号。',
    left: (free: number, places: number) => `剩 ${free} / ${places}`,
    places: (places: number) => `${places} 个号都没有空余`,
  },
  silent: {
    title: '没有待放号的医院',
    last: (at: string) => `最后一次放号 ${at}`,
    never: '还没有放过号',
    open: '看排班',
  },
}
