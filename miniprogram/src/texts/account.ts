// Words of the account package: login, registration, patients, privacy, settings, help.
export const texts = {
  register: '去注册',
  addGrownUp: '去添加',
  patients: '就诊人',
  readTexts: '去看看',
} as const
