/** The mini program as a page for browsers, served at /m/. */
export default {
  root: 'src',
  out: '../dist/clients/m',
  npm: '../dist/miniprogram_npm',
  host: 'host/host.ts',
  assets: [{ match: /^t\.woff$/, file: '../dist/miniprogram_npm/tdesign-miniprogram/icon/t.woff' }],
  early: [
    { page: 'pages/home/home', url: '/api/v1/hospitals', unlessStored: 'login-token' },
    { page: 'pages/home/home', url: '/api/v1/cities', unlessStored: 'login-token' },
  ],
  title: '大众医疗',
}
