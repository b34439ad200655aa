/** What a program asks about the phone: sizes, theme, font scale, network, versions, updates. */
import { api, news } from '../answer'
import { offError, onError } from '../lifecycle'
import { launchOptions, shown, hidden, notFound } from '../app'
import { program } from '../program'
import { pageArea, screen } from '../screen'

const SDK_VERSION = '3.9.0'
const FONT_PX = 16

export function getWindowInfo() {
  const { width, height } = pageArea()
  const { clientWidth, clientHeight } = screen.app
  const safeArea = {
    left: 0,
    top: 0,
    right: clientWidth,
    bottom: clientHeight,
    width: clientWidth,
    height: clientHeight,
  }
  return {
    pixelRatio: devicePixelRatio,
    screenWidth: clientWidth,
    screenHeight: clientHeight,
    windowWidth: width,
    windowHeight: height,
    statusBarHeight: 0,
    screenTop: 0,
    safeArea,
  }
}

export function getAppBaseInfo() {
  const scale = program.fontScale()
  return {
    SDKVersion: SDK_VERSION,
    version: '8.0.50',
    language: 'zh_CN',
    theme: program.theme(),
    fontSizeScaleFactor: scale,
    fontSizeSetting: FONT_PX * scale,
    enableDebug: false,
    host: { env: 'WeChat' },
  }
}

export function getDeviceInfo() {
  return {
    platform: 'devtools',
    system: 'Web',
    brand: 'browser',
    model: 'browser',
    benchmarkLevel: -1,
    abi: '',
  }
}

export function getSystemSetting() {
  return {
    bluetoothEnabled: false,
    locationEnabled: 'geolocation' in navigator,
    wifiEnabled: true,
    deviceOrientation: 'portrait',
  }
}

export function getSystemInfoSync() {
  return { ...getWindowInfo(), ...getAppBaseInfo(), ...getDeviceInfo(), ...getSystemSetting() }
}

export const getSystemInfo = api('getSystemInfo', () => getSystemInfoSync())
export const getSystemInfoAsync = api('getSystemInfoAsync', () => getSystemInfoSync())

/** The menu in the corner, from the program's corner. */
export function getMenuButtonBoundingClientRect() {
  const app = screen.app.getBoundingClientRect()
  const menu = screen.navigation.querySelector('.mp-nav-menu')?.getBoundingClientRect() ?? app
  const { width, height } = menu
  const [left, top] = [menu.left - app.left, menu.top - app.top]
  return { width, height, left, top, right: left + width, bottom: top + height }
}

export const getLaunchOptionsSync = launchOptions
export const getEnterOptionsSync = launchOptions

const themes = news<{ theme: 'light' | 'dark' }>()
export const sizes = news<{ size: { windowWidth: number; windowHeight: number } }>()
const networks = news<{ isConnected: boolean; networkType: string }>()

program.onThemeChange(() => themes.tell({ theme: program.theme() }))

/** Browsers know whether there is a network, few know which. */
function networkType(): string {
  if (!navigator.onLine) return 'none'
  const kind = (navigator as { connection?: { type?: string; effectiveType?: string } }).connection
  return kind?.type === 'cellular' ? (kind.effectiveType?.replace('slow-', '') ?? '4g') : 'wifi'
}

for (const change of ['online', 'offline']) {
  addEventListener(change, () => networks.tell({ isConnected: navigator.onLine, networkType: networkType() }))
}

export const getNetworkType = api('getNetworkType', () => ({ networkType: networkType() }))

export const onThemeChange = themes.on
export const offThemeChange = themes.off
export const onWindowResize = sizes.on
export const offWindowResize = sizes.off
export const onNetworkStatusChange = networks.on
export const offNetworkStatusChange = networks.off
export const onAppShow = shown.on
export const offAppShow = shown.off
export const onAppHide = hidden.on
export const offAppHide = hidden.off
export const onPageNotFound = notFound.on
export const offPageNotFound = notFound.off
export { offError, onError }

export function onUnhandledRejection(
  listener: (value: { reason: unknown; promise: Promise<unknown> }) => void,
): void {
  addEventListener('unhandledrejection', (e) => listener({ reason: e.reason, promise: e.promise }))
}

/** A browser always runs what it has just loaded: there is never an update to wait for. */
export function getUpdateManager() {
  return {
    onCheckForUpdate: (listener: (value: { hasUpdate: boolean }) => void) =>
      void setTimeout(() => listener({ hasUpdate: false })),
    onUpdateReady() {},
    onUpdateFailed() {},
    applyUpdate: () => location.reload(),
  }
}

export function reportEvent(): void {}
