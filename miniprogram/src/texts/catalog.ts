// Words of finding a doctor: home, registration, search, hospital, department, doctor, room.

const home = {
  search: '搜医院、科室、医生、病症',
  scan: '扫码',
  noScan: '这里不能扫码，请直接搜索医院、科室或医生',
  next: '下次就诊',
  call: '打电话',
  details: '看详情',
  pay: '去支付',
  choose: '去处理',
  invitation: '登录后，这里会显示您下次就诊的时间和地点',
  logIn: '登录',
  noVisit: '近期没有预约',
  book: '去挂号',
  visitFailed: '没有取到您的预约，点这里再试',
  more: '正在加载更多',
  moreFailed: '没有加载出来，点这里再试',
  registration: '挂号',
  appointments: '我的预约',
  patients: '就诊人',
  help: '帮助',
  entries: '常用功能',
  hospitals: '医院',
  near: '附近',
  allCities: '全部',
  where: '按地方筛选医院',
  noLocation: '没有取得位置，医院按默认顺序排列；想按远近看，请允许定位后再点“附近”',
  empty: '这里还没有可以预约的医院',
  showAll: '看全部医院',
  kind: {
    general: '综合医院',
    specialist: '专科医院',
    traditional: '中医医院',
    maternity: '妇幼保健院',
    community: '社区卫生服务中心',
  },
}

const registration = {
  chooseFirst: '先选要去的医院，下次会记住',
  change: '换医院',
  about: '医院介绍',
  searchIn: '搜这家医院的科室',
  clear: '清除',
  more: '正在加载更多',
  moreFailed: '没有加载出来，点这里再试',
  noMatch: '没有找到这个科室',
  searchAll: '按医生或病症再找找',
  noHospital: '还没有可以预约的医院，请稍后再来',
  noDepartment: '这家医院还没有开放网上挂号的科室，请打电话给医院',
}

const search = {
  placeholder: '科室、医生、病症',
  clear: '清除',
  recent: '最近搜过',
  clearRecent: '清空记录',
  tips: '可以直接说哪里不舒服，比如“孩子发烧咳嗽”；也可以输拼音或首字母。',
  urgent: '胸痛、呼吸困难、意识不清等急症，请直接去急诊或拨打 120。',
  kinds: { disease: '按病症找科室', department: '科室', doctor: '医生', hospital: '医院' },
  emptyAction: '去挂号页按科室找',
  more: '正在加载更多',
  end: '没有更多了',
  moreFailed: '没有加载出来，点这里再试',
}

const hospital = {
  elsewhere: '选其他医院和科室',
  notices: '医院提醒',
  campuses: '院区',
  call: '电话',
  map: '地图',
  rules: '预约规则',
  moreRules: '展开全部规则',
  fewerRules: '收起',
  departments: '选科室挂号',
  noMap: '医院没有标出位置，请按地址前往',
  rulesFailed: '规则没有取到，点这里再试',
  noDepartment: '这家医院还没有开放网上挂号的科室，请打电话给医院',
  share: '把这家医院发给家人',
}

const department = {
  elsewhere: '选其他医院和科室',
  days: '按日期看',
  soonest: '最近',
  anyDay: '不限日期',
  empty: '这个科室近期没有医生出诊，可以看看医院的其他科室',
  emptyAction: '看其他科室',
  noneThatDay: '这一天没有医生出诊，请换一天',
  moreTimes: '看更多时间',
  loadingTimes: '正在找可以约的时间',
  timesFailed: '时间没有取到，点这里再试',
}

const doctor = {
  elsewhere: '按科室找医生',
  skills: '擅长：',
  more: '展开',
  fewer: '收起',
  diseases: '常看的病',
  calendar: '选日期',
  book: '预约',
  share: '分享医生',
  empty: '这位医生近期没有排班，可以看看同科室的其他医生',
  emptyAction: '看同科室医生',
  noneThatDay: '这一天不出诊，请换一天',
  refreshed: '号已更新',
  pullDown: '没有刷新出来，请下拉再试一次',
  countdown: '离放号还剩',
  stillWaiting: '号还没有放出来，请稍后下拉再看',
  level: { general: '普通号', expert: '专家号', special: '特需号' },
}

const room = {
  appointments: '看我的预约',
  empty: '这间诊室近期没有医生出诊，请看门口的通知，或按科室找医生',
  emptyAction: '按科室找医生',
  unknown: '没有认出这间诊室，请按科室找医生',
}

/** A day or a slot in one word; colour only repeats it. */
const states = {
  available: '有号',
  upcoming: '未放号',
  full: '约满',
  suspended: '停诊',
  closed: '已结束',
  none: '不出诊',
}

/** Why a slot cannot be booked, on the slot. */
const slotReasons = {
  'not-released': '未放号',
  full: '约满',
  suspended: '停诊',
  past: '已过',
  closed: '已结束',
  'booking-closed-now': '暂停预约',
  'too-late-for-tomorrow': '已停约',
}

/** Why nothing of a session can be booked, as a sentence with what to do. */
const sessionReasons = {
  'not-released': '这些号还没有放出来，请稍后再看',
  full: '已经约满。有人退号会重新放出来，也可以换一天',
  suspended: '医生这次停诊，请换一天或换一位医生',
  past: '今天可约的时段都过了，请换一天',
  closed: '这次出诊已经结束，请换一天',
  'booking-closed-now': '现在是医院暂停网上预约的时间，请晚些再来',
  'too-late-for-tomorrow': '明天的号今天已停止预约，请约后天或更晚的日期',
}

export const texts = {
  home,
  registration,
  search,
  hospital,
  department,
  doctor,
  room,
  states,
  slotReasons,
  sessionReasons,
}

/** Sentences with values in them. */
export const say = {
  today: '今天',
  tomorrow: '明天',
  afterTomorrow: '后天',
  daysOn: (named: string, day: string) => `${named} ${day}`,
  free: (count: number) => `余 ${count}`,
  available: (count: number) => `有号 余 ${count}`,
  releaseClock: (clock: string) => `${clock} 放号`,
  releaseDay: (day: number) => `${day}日放号`,
  releaseMoment: (day: string, clock: string) => `${day} ${clock} 放号`,
  releaseNote: (moment: string) => `${moment}，到时这里会自动刷新`,
  releasing: '正在放号，马上为您刷新',
  crowded: (seconds: number) => `现在查看的人很多，${seconds} 秒后自动再看一次`,
  soonestDay: (day: string, count: number) => `${day} 有号 余 ${count}`,
  nextDay: (day: string) => `看${day}的号`,
  kilometres: (km: string) => `${km} 公里`,
  metres: (metres: number) => `${metres} 米`,
  joined: (parts: readonly string[]) => parts.filter(Boolean).join(' · '),
  chosen: (name: string) => `${name}，已选中`,
  sexOnly: { male: '只接诊男性', female: '只接诊女性' },
  agesBetween: (least: number, most: number) => `只接诊 ${least} 到 ${most} 岁的就诊人`,
  agesFrom: (least: number) => `只接诊 ${least} 岁及以上的就诊人`,
  agesUntil: (most: number) => `只接诊 ${most} 岁及以下的就诊人`,
  limitsShort: (parts: readonly string[]) => parts.join('，'),
  limits: (parts: readonly string[]) => `${parts.join('，')}，预约时会核对`,
  diseaseHint: (disease: string) => `可看“${disease}”`,
  nothingFound: (words: string) => `没有找到“${words}”。换个说法试试，比如哪里不舒服、科室或医生的名字`,
  searchAgain: (words: string) => `再搜 ${words}`,
  callNumber: (name: string, phone: string) => `打电话给${name} ${phone}`,
  mapOf: (name: string) => `在地图上看${name}`,
  doctorTitle: (name: string, title: string) => (title ? `${name} ${title}` : name),
  shareApp: '大众医疗预约挂号',
  shareDoctor: (name: string, title: string, hospital: string) => `${name} ${title} · ${hospital}`,
  shareHospital: (name: string) => `${name} 预约挂号`,
  shareDepartment: (hospital: string, name: string) => `${hospital} ${name}`,
  payBefore: (clock: string) => `待支付，请在 ${clock} 前付款`,
  suspendedVisit: '医生停诊，请改约或退款',
  patientOf: (name: string) => `就诊人 ${name}`,
  roomOf: (room: string, campus: string) => `${room} · ${campus}`,
}
