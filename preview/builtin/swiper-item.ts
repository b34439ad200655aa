/** <swiper-item>: one leaf of a swiper. */
import { builtin } from './part'

builtin({ properties: { itemId: String, skipHiddenItemLayout: Boolean } })
