// Words of the list of people who were taken out of accounts of strangers.
export const texts = {
  title: '账号移除记录',
  lead: '窗口核对证件后，把就诊人从他人账号中移除的记录。每个账号一行；姓名和手机号只显示一部分。',
  at: '移除时间',
  person: '就诊人',
  account: '从哪个账号',
  accountOf: (phone: string, relation: string) => `${phone}，登记为${relation}`,
  noPhone: '没有手机号',
  relations: { self: '本人', child: '子女', parent: '父母', spouse: '配偶', other: '其他' },
  by: '经办人',
  reason: '原因',
  none: '还没有移除记录',
  noneWhy: '窗口在“窗口挂号”里把就诊人从他人账号中移除后，会记在这里。',
}
