/** The wx object. What is not here does not exist in the preview: wx.canIUse and a look for undefined tell so, as in an old WeChat. */
import { createAnimation } from '../animation'
import { builtinTags } from '../backend'
import * as account from './account'
import * as bars from './bars'
import * as device from './device'
import * as file from './file'
import * as location from './location'
import * as media from './media'
import * as privacy from './privacy'
import * as request from './request'
import * as route from './route'
import { hideShareMenu, showShareMenu, updateShareMenu } from './share'
import { connectSocket } from './socket'
import * as storage from './storage'
import * as system from './system'
import * as ui from './ui'

const { agree: _agree, needPrivacy: _needPrivacy, ...privacyApis } = privacy
const { sizes: _sizes, ...systemApis } = system

/** `getLocation`, `getLocation.object.type` or `button.open-type.share`. */
function canIUse(schema: string): boolean {
  const name = schema.split('.')[0]
  return name in wx || builtinTags.has(name) || name === 'view' || name === 'text'
}

export const wx: Record<string, unknown> = {
  ...account,
  ...bars,
  ...device,
  ...file,
  ...location,
  ...media,
  ...privacyApis,
  ...request,
  ...route,
  ...storage,
  ...systemApis,
  ...ui,
  showShareMenu,
  hideShareMenu,
  updateShareMenu,
  connectSocket,
  createAnimation,
  canIUse,
  env: { USER_DATA_PATH: 'preview://usr' },
}
