// Where the API lives. A hospital that runs its own copy writes its addresses here before building for WeChat.

const bases: Record<string, string> = {
  develop: 'http://127.0.0.1:8000',
  trial: 'https://guahao.example.cn',
  release: 'https://guahao.example.cn',
}

/** Address before `/api/v1`: in a browser the page's own origin (the preview gives no real appid), in WeChat by version. */
export function apiBase(): string {
  const { appId, envVersion } = wx.getAccountInfoSync().miniProgram
  return /^wx[0-9a-f]{16}$/.test(appId) ? bases[envVersion] : ''
}
