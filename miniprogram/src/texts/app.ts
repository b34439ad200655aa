// Words that more than one package shows.
export const texts = {
  weekdays: ['周日', '周一', '周二', '周三', '周四', '周五', '周六'],
  periods: { morning: '上午', afternoon: '下午', evening: '晚上' },
  day: (month: number, day: number, weekday: string) => `${month}月${day}日 ${weekday}`,
  hoursMinutes: (hours: number, minutes: number) => `${hours} 小时 ${minutes} 分`,
  minutesSeconds: (minutes: number, seconds: number) => `${minutes} 分 ${seconds} 秒`,
  seconds: (seconds: number) => `${seconds} 秒`,

  brokenAnswer: '服务器没有正常回应，可能正在维护，请稍后再试。',
  offline: '没有连上网络，请检查网络后再试。',
  unexpected: '页面没有打开，请再试一次；还不行请联系医院。',
  loginFirst: '登录后才能查看，您选好的内容不会丢。',
  loading: '正在加载',
  retry: '重试',
  retryIn: (seconds: number) => `${seconds} 秒后可重试`,
  logIn: '去登录',
  understood: '知道了',
  notNow: '先不了',

  offlineBanner: '网络已断开，现在看到的可能不是最新内容。',
  updateReady: '新版本已准备好，重新打开后即可使用。',
  updateNow: '更新',
  goHome: '去首页',

  privacyTitle: '先了解您的隐私怎样被保护',
  privacyWhy:
    '预约挂号须实名，我们会处理手机号、姓名和证件号码，只用于挂号，只提供给您预约的医院。请阅读下面的文件。不同意也可以先浏览医院和号源。',
  privacyNeeded: '您刚才点的功能要先同意隐私约定才能使用，因为它会用到您的个人信息。请阅读下面的文件。',
  privacyText: '《隐私政策》',
  serviceText: '《服务协议》',
  weixinContract: '微信隐私保护指引',
  agree: '同意并继续',
  lookAround: '不同意，先看看',

  sceneUnknown: '没有认出这个二维码，请在首页搜索医院、科室或医生。',
} as const
