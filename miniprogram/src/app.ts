// The app's start: updates, scanned codes, and whether the network is there.
import { apiBase } from './config'

App({
  globalData: { apiBase },
})
